"""On which line a place of a text stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def lines_of(text: str, offsets: Iterable[int], *, first: int) -> Iterator[int]:
    """Answer the lines of places in a text that starts on line `first`; each place is behind the one before.

    None of the text is counted twice: a file may break a rule on each of its lines.
    """
    line, counted = first, 0
    for offset in offsets:
        line += text.count("\n", counted, offset)
        counted = offset
        yield line
