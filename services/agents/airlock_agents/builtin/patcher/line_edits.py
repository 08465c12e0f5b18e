"""Lines that another agent's tool would put in the place of others (code-reviewer's `replacement`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from .diff import lines
from .syntax import tree_of


@dataclass(frozen=True, slots=True)
class LineEdit:
    """Lines start to end, both included and counted from 1, become this text; none where it is empty."""

    id: str
    start: int
    end: int
    text: str  # without the last newline


@dataclass(slots=True)
class Put:
    """What became of a file, and where its lines went."""

    source: bytes
    fixed: list[str] = field(default_factory=list)  # ids
    unfixed: list[tuple[str, str]] = field(default_factory=list)  # id and reason
    made: list[LineEdit] = field(default_factory=list)

    def line_now(self, line: int) -> int | None:
        """Answer where a line of the old file stands now, None for one that was replaced."""
        moved = 0
        for one in self.made:
            if one.start <= line <= one.end:
                return None
            if one.end < line:
                moved += _count(one.text) - (one.end - one.start + 1)
        return line + moved


def line_edit(finding: Mapping[str, Any]) -> LineEdit | None:
    """Read a finding's replacement, None where there is none of that shape."""
    put = finding.get("replacement")
    if not isinstance(put, dict):
        return None
    start, end, text = put.get("start_line"), put.get("end_line"), put.get("text")
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(text, str) and 1 <= start <= end):
        return None
    return LineEdit(finding["id"], start, end, text)


def put_lines(source: bytes, edits: Sequence[LineEdit], *, python: bool) -> Put:
    """Put the lines in place, the last one first; of two for the same lines the first one asked wins."""
    put = Put(source)
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError:
        put.unfixed = [(one.id, "the file is not UTF-8, and a diff is") for one in edits]
        return put
    if "\r" in text.replace("\r\n", "\n"):
        put.unfixed = [(one.id, "the file has lines that end in another way than others") for one in edits]
        return put
    parts = lines(text)
    for one in edits:
        if one.end > len(parts):
            put.unfixed.append((one.id, "the file has fewer lines than the finding says"))
        elif any(one.start <= other.end and other.start <= one.end for other in put.made):
            put.unfixed.append((one.id, "another fix changes the same lines: propose again after it"))
        else:
            put.made.append(one)
    for one in sorted(put.made, key=lambda edit: -edit.start):
        old = parts[one.start - 1 : one.end]
        new = one.text.replace("\r\n", "\n").split("\n") if one.text else []
        parts[one.start - 1 : one.end] = _ended(new, old, _end(parts[0]) or "\n")
    result = "".join(parts).encode("utf-8")
    if python and put.made and tree_of(result) is None:
        put.unfixed += [(one.id, "the mended file would not be valid Python") for one in put.made]
        put.made = []
        return put
    put.fixed = [one.id for one in put.made]
    put.source = result
    return put


def _ended(new: Sequence[str], old: Sequence[str], other: str) -> list[str]:
    """Give new lines the ends of those that they replace; `other` where that was a last line without one."""
    bodies = [line.rstrip("\r\n") for line in old]
    pairs = zip(reversed(new), reversed(bodies), strict=False)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))  # lines at the end that stay
    ended = []
    for index, line in enumerate(new):
        left = len(new) - index  # counted from the end
        end = _end(old[-left] if left <= max(alike, 1) else old[min(index, len(old) - 1)])
        ended.append(line + (end if end or left == 1 else other))
    return ended


def _end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _count(text: str) -> int:
    return text.count("\n") + 1 if text else 0
