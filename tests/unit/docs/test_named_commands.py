"""The service tells people which command to type: each is one that there is, with what it takes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVICE = ROOT / "services" / "orchestration" / "airlock_orchestration"
PAGE = ROOT / "docs" / "reference" / "cli.md"
TELLING = ("engine/waiting.py", "engine/explain.py")


def known() -> set[str]:
    """The commands of the reference, their arguments spelled `*`; each also with one of its options."""
    found: set[str] = set()
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE):
        if (heading := re.match(r"`(airlock [^`]+)`$", section, re.MULTILINE)) is None:
            continue
        typed = re.sub(r"[A-Z]+(\.\.\.)?", "*", heading[1])
        options = re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE)
        found |= {typed, *(f"{typed} {option} *" for option in options)}
    return found


def named(source: str) -> Iterator[str]:
    """The commands that a module spells out, what it fills in spelled `*`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "*" for part in node.values]
            text = "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if text.startswith("airlock ") and not text.endswith(" "):
            yield text


@pytest.mark.parametrize("module", TELLING)
def test_every_command_that_an_explanation_names_is_in_the_reference(module: str) -> None:
    spelled = set(named((SERVICE / module).read_text(encoding="utf-8")))
    assert spelled
    assert spelled <= known()


def test_a_command_that_there_is_not_is_noticed() -> None:
    assert set(named('a = f"airlock runs cancel {run}"; b = "airlock nothing"; c = "more"')) - known() == {
        "airlock nothing"
    }
