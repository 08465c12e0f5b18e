"""The committed description of the API is what the API says of itself, and says all that a caller asks."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"
API = DOCS.parent / "services" / "orchestration" / "airlock_orchestration" / "api"
ALIAS = "_under_api"


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("openapi_writer", DOCS / "openapi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def operations(writer: ModuleType) -> dict[str, dict[str, Any]]:
    """The operations by their ids."""
    paths = json.loads(writer.write_page())["paths"]
    listed = [operation for methods in paths.values() for operation in methods.values()]
    found = {operation["operationId"]: operation for operation in listed}
    assert len(found) == len(listed), "two operations share an id"
    return found


def test_the_committed_description_is_what_the_api_says(writer: ModuleType) -> None:
    assert writer.PAGE.read_text(encoding="utf-8") == writer.write_page(), (
        "run `python docs/openapi.py` from the root of the repository"
    )


def test_an_operation_is_called_as_its_function_is(operations: dict[str, dict[str, Any]]) -> None:
    source = "".join(path.read_text() for path in API.glob("*.py"))
    functions = set(re.findall(r"^async def ([a-z_]+)\(", source, re.MULTILINE))
    assert {id_.removesuffix(ALIAS) for id_ in operations} <= functions


def test_every_operation_has_a_sentence_a_tag_and_its_answers(operations: dict[str, dict[str, Any]]) -> None:
    for id_, operation in operations.items():
        assert re.match(r"[A-Z]", operation["summary"]), id_
        assert len(operation["summary"]) <= 110, id_
        assert len(operation["tags"]) == 1, id_
        statuses = set(operation["responses"])
        assert all(re.fullmatch("[2345][0-9][0-9]", status) for status in statuses), id_
        assert statuses >= {"429", "500"}, id_
        assert statuses >= {"401", "403", "503"} or operation["security"] == [], id_


def test_every_answer_says_what_it_means(writer: ModuleType, operations: dict[str, dict[str, Any]]) -> None:
    shared = json.loads(writer.write_page())["components"]["responses"]
    for id_, operation in operations.items():
        for status, answer in operation["responses"].items():
            whole = shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            assert whole["description"] not in ("", "Successful Response") or status == "200", (id_, status)
            if status >= "400" and "readiness" not in id_:
                assert whole["content"]["application/problem+json"]["examples"], (id_, status)
