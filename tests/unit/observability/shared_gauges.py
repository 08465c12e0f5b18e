"""Gauges of which each replica shows the same figure, and how an expression looks back at them."""

import re
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "telemetry.md"
_ROW = re.compile(r"^\| `(\w+)` \| gauge \|.*\| each replica, the same figure \|$", re.MULTILINE)
_CALL = re.compile(r"\b(\w+)_over_time\(([a-zA-Z_:][\w:]*)(?:\{[^}]*\})?\[")
_OUTSIDE = re.compile(r"\b(\w+)\s*(?:(?:by|without)\s*\([^)]*\)\s*)?\(\s*\Z")
OUTSIDE = {"min": {"min"}, "max": {"max"}, "last": {"min", "max"}}
"""What a look back may stand in: else a replica that has started since speaks for those that were there."""


def shared_gauges() -> set[str]:
    """By the page of telemetry."""
    return set(_ROW.findall(PAGE.read_text("utf-8")))


def careless(expression: str, gauges: set[str]) -> Iterator[str]:
    """Each look back at a shared gauge that one replica's own past could decide; a sentence each."""
    for found in _CALL.finditer(expression):
        if found[2] not in gauges:
            continue
        around = _OUTSIDE.search(expression[: found.start()])
        taken = around[1] if around else "nothing"
        if taken not in OUTSIDE.get(found[1], set()):
            yield f"{found[1]}_over_time({found[2]}) is taken by {taken}"
