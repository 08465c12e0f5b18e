"""Rows and columns as lines of text, as wide as they look and no wider than a screen can take."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from airlock_sdk.printable import one_line

from .template import look_up, spelled

MAX_ROWS = 20
MAX_CELL = 48  # characters
NOTHING = "-"  # stands where a row has no such value


def table_lines(columns: Sequence[str], rows: Sequence[Any]) -> list[str]:
    """Answer the header and the first rows; a column is a path into rows that are objects, else its place."""
    shown = rows[:MAX_ROWS]
    head = [one_line(column.rpartition(".")[2], MAX_CELL).upper() for column in columns]
    cells = [[_cell(row, column, at) for at, column in enumerate(columns)] for row in shown]
    widths = [max(width(line[at]) for line in [head, *cells]) for at in range(len(columns))]
    return [
        "  ".join(pad(text, most) for text, most in zip(line, widths, strict=True)).rstrip()
        for line in [head, *cells]
    ]


def width(text: str) -> int:
    """Count the places that a text takes on a terminal: two for wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def pad(text: str, most: int) -> str:
    """Fill a text up with spaces."""
    return text + " " * (most - width(text))


def _cell(row: Any, column: str, at: int) -> str:
    if isinstance(row, Mapping):
        try:
            value = look_up(column, row)
        except KeyError:
            return NOTHING
    else:
        value = row[at] if isinstance(row, list) and at < len(row) else None
    return NOTHING if value is None else one_line(spelled(value), MAX_CELL)
