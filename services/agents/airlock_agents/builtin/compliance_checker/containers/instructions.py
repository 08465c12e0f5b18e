"""A Dockerfile as its instructions, with the lines on which they stand."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_INSTRUCTIONS = 5_000
MAX_HEREDOCS = 5  # of one instruction
_DIRECTIVE = re.compile(r"#\s*escape\s*=\s*(\S)\s*$", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*([\"']?)([A-Za-z_]\w{0,60})\1")
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?\s+")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; lines that were joined are still apart in `argument`, so that places can be told."""

    word: str  # upper case
    argument: str  # without flags
    flags: dict[str, str]
    line: int

    def line_of(self, offset: int) -> int:
        """Answer the line of a place in the argument."""
        return self.line + self.argument.count("\n", 0, offset)


def read_instructions(lines: Sequence[str]) -> Iterator[Instruction]:
    """Read a Dockerfile: continued lines, comments between them and here-documents included."""
    first = _DIRECTIVE.match(lines[0]) if lines else None
    escape = first[1] if first else "\\"
    number, count = 0, 0
    ends: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        ends.setdefault(line.strip(), []).append(at)
    while number < len(lines) and count < MAX_INSTRUCTIONS:
        start = number
        if not lines[number].strip() or lines[number].lstrip().startswith("#"):
            number += 1
            continue
        parts: list[str] = []
        while number < len(lines):
            line = lines[number].rstrip()
            number += 1
            if parts and (not line or line.lstrip().startswith("#")):
                parts.append("")  # a comment or an empty line inside does not end the instruction
                continue
            if not line.endswith(escape):
                parts.append(line)
                break
            parts.append(line[:-1])
        for end in _open_heredocs(parts[0]):
            places = ends.get(end, [])
            later = bisect_left(places, number)
            if later < len(places):  # without its end it is none, and must not hide the rest of the file
                parts += lines[number : places[later] + 1]
                number = places[later] + 1
        count += 1
        yield _instruction("\n".join(parts), start + 1)


def _open_heredocs(line: str) -> list[str]:
    return [found[2] for found in _HEREDOC.finditer(line)][:MAX_HEREDOCS]


def _instruction(text: str, line: int) -> Instruction:
    word, _, rest = text.lstrip().partition(" ")
    flags: dict[str, str] = {}
    rest = rest.lstrip(" \t")
    while found := _FLAG.match(rest):
        flags[found[1]] = found[2] or ""
        line += found[0].count("\n")
        rest = rest[found.end() :]
    return Instruction(word.upper(), rest, flags, line)
