"""What the page of telemetry says of spans: their names, and their attributes."""

from __future__ import annotations

import re
from pathlib import Path

_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "telemetry.md"
_FILLED = {"method": "[A-Z]+", "route": "/.+"}
"""What stands in braces, where it is no id or name."""


def documented_spans() -> dict[str, str]:
    """The spans' names, with who records them: `orchestration`, `host` or `both`."""
    return dict(re.findall(r"^\| `(.+?)` \| (\w+) \|", _below("Spans"), re.MULTILINE))


def documented_attributes() -> set[str]:
    """The attributes' names."""
    cells = re.findall(r"^\| (`.+?`) \|", _below("Attributes of spans"), re.MULTILINE)
    return {name for cell in cells for name in re.findall("`(.+?)`", cell)}


def is_named(documented: str, name: str) -> bool:
    """Whether a row of the page means this span."""
    parts = re.split(r"\{(\w+)\}", documented)
    pattern = (_FILLED.get(part, "[a-z0-9-]+") if n % 2 else re.escape(part) for n, part in enumerate(parts))
    return re.fullmatch("".join(pattern), name) is not None


def _below(heading: str) -> str:
    return _PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
