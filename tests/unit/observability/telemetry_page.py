"""What the page of telemetry says: the rows of its tables, who counts a metric, and the names of spans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "telemetry.md").read_text(encoding="utf-8")
_FILLED = {"method": "[A-Z]+", "route": "/.+"}
"""What stands in braces, where it is no id or name."""


def rows(heading: str, marks: str = "##") -> Iterator[list[str]]:
    """The cells of the tables below a heading, up to the next one as high."""
    section = PAGE.partition(f"\n{marks} {heading}\n")[2].partition(f"\n{marks} ")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def metrics_of(process: str) -> set[str]:
    """The metrics that a process counts, by their full names: `orchestration` or `host`, with both's."""
    words = {"orchestration": "orchestration|each replica|both", "host": "hosts|both"}
    return {
        name.strip("`") for name, *_, by in rows("Metrics") if re.search(words[process], by.partition(";")[0])
    }


def family(sample: str) -> str:
    """The metric that a sample is of."""
    return re.sub("_(count|sum|bucket)$", "", sample)


def documented_spans() -> dict[str, str]:
    """The spans' names, with who records them: `orchestration`, `host` or `both`."""
    return {name.strip("`"): by for name, by, *_ in rows("Spans")}


def documented_attributes() -> set[str]:
    """The attributes' names."""
    return {name for cell, *_ in rows("Attributes of spans") for name in re.findall("`(.+?)`", cell)}


def is_named(documented: str, name: str) -> bool:
    """Whether a row of the page means this span."""
    parts = re.split(r"\{(\w+)\}", documented)
    pattern = (_FILLED.get(part, "[a-z0-9-]+") if n % 2 else re.escape(part) for n, part in enumerate(parts))
    return re.fullmatch("".join(pattern), name) is not None
