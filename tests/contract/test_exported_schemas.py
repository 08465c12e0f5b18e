"""The committed JSON Schemas are those of the models, and valid."""

from pathlib import Path

import jsonschema_rs
import orjson
import pytest
from airlock_contracts import export

FOLDER = Path(__file__).parents[2] / "libs/contracts/schemas"
AGAIN = "run: python -m airlock_contracts.export libs/contracts/schemas"


@pytest.mark.parametrize("name", sorted(export.EXPORTED))
def test_the_committed_schema_is_the_models(name: str) -> None:
    committed = (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    assert committed == export.render(name), AGAIN
    jsonschema_rs.meta.validate(orjson.loads(committed))


def test_no_schema_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.schema.json" for name in export.EXPORTED}
