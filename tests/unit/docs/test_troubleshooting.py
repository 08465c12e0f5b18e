"""The page for who is stuck knows every code and every part that doctor speaks of."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")


def test_every_error_and_failure_code_has_its_steps() -> None:
    codes = {path.stem for path in (DOCS / "errors").glob("*.md")} - {"README"}
    linked = set(re.findall(r"\(errors/([\w.]+)\.md\)", "\n".join(rows(PAGE))))
    assert linked == codes


def test_every_part_that_doctor_looks_at_has_its_steps() -> None:
    operations = (DOCS / "operations.md").read_text(encoding="utf-8")
    told = operations.partition("## What is wrong: `airlock doctor`")[2].partition("\n## ")[0]
    looked_at = parts(told.partition("| part | what it looks at")[2])
    assert looked_at
    assert looked_at - parts(PAGE.partition("## By part of")[2]) == set()


def rows(text: str) -> list[str]:
    """Table rows, without heads."""
    return [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("|---")]


def parts(table: str) -> set[str]:
    """The names in the first cells."""
    return {name.strip() for row in rows(table) for name in row.split("|")[1].split(",")} - {"part"}
