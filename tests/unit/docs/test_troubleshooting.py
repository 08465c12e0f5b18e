"""The page for who is stuck knows every code, and everything that doctor may find."""

import re
from pathlib import Path

from .doctor_findings import PARTS_ELSEWHERE, Found, every_part, troubles

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
_CELL = re.compile(r"(?<!\\)\|")


def test_every_error_and_failure_code_has_its_steps() -> None:
    codes = {path.stem for path in (DOCS / "errors").glob("*.md")} - {"README"}
    linked = set(re.findall(r"\(errors/([\w.]+)\.md\)", "\n".join(rows(PAGE.partition("## By part of")[0]))))
    assert linked == codes


def test_everything_that_doctor_may_find_wrong_has_its_steps() -> None:
    written = [
        (Found(part, said), steps)
        for row in rows(PAGE.partition("## By part of")[2])
        for parts, texts, steps in [cells(row)]
        for part in re.findall("`(.+?)`", parts)
        for said in re.findall("`(.+?)`", texts)
    ]
    assert {found for found, _ in written} == troubles()
    assert all(steps for _, steps in written)


def test_the_page_of_operations_says_of_every_part_what_is_looked_at() -> None:
    operations = (DOCS / "operations.md").read_text(encoding="utf-8")
    told = operations.partition("## What is wrong: `airlock doctor`")[2].partition("\n## ")[0]
    table = told.partition("| part | what it looks at")[2]
    looked_at = {name.strip() for row in rows(table) for name in cells(row)[0].split(",")}
    of_processes = set(PARTS_ELSEWHERE["look_at_processes"])
    parts = {name for part in every_part() for name in part.split(", ")}
    assert looked_at | of_processes | {"doctor"} == parts


def rows(text: str) -> list[str]:
    """Table rows, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [line for line in lines if not line.startswith(("| part |", "| code |", "| you see |"))]


def cells(row: str) -> list[str]:
    """What stands between the bars."""
    return [cell.strip() for cell in _CELL.split(row)[1:-1]]
