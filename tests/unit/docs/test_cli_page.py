"""The pages of the command line are what the commands say of themselves."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from airlock_client.exits import Exit

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cli_reference", DOCS / "cli_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_commands_say(writer: ModuleType) -> None:
    assert writer.PAGE.read_text(encoding="utf-8") == writer.write_page(), (
        "run `python docs/cli_reference.py` from the root of the repository"
    )


def test_every_command_and_every_option_says_what_it_means(writer: ModuleType) -> None:
    for line in writer.write_page().splitlines():
        if line.startswith("| `"):
            assert not line.endswith("|  |"), line


def test_every_exit_code_has_its_row() -> None:
    table = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    rows = {(int(code), name) for code, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", table, re.MULTILINE)}
    assert rows == {(code.value, code.name) for code in Exit}
