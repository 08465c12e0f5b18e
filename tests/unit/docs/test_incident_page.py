"""The page for an incident has its five sections, each with commands, and a review to fill in."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "runbooks" / "incident-response.md").read_text(encoding="utf-8")
_COMMAND = re.compile(r"^\$ .*\bairlock \w+", re.MULTILINE)


@pytest.mark.parametrize("section", ["Detect", "Contain", "Diagnose", "Resolve", "Communicate"])
def test_each_part_of_an_incident_has_commands_of_ours(section: str) -> None:
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    assert _COMMAND.search("\n".join(re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)))


def test_the_review_asks_for_a_timeline_five_whys_and_lessons() -> None:
    review = PAGE.partition("\n## Review\n")[2]
    assert re.findall("^## .*", review, re.MULTILINE) == [
        *("## What users saw", "## Timeline (UTC)", "## Five whys", "## Lessons"),
    ]
    assert len(re.findall(r"^\d\. Why ", review, re.MULTILINE)) == 5
