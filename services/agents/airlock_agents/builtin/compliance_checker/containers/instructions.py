"""A Dockerfile as its instructions, with the lines on which they stand."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..line_numbers import lines_of

MAX_INSTRUCTIONS = 5_000
MAX_HEREDOCS = 5  # of one instruction
_DIRECTIVE = re.compile(r"#\s*escape\s*=\s*(\S)\s*$", re.IGNORECASE)
# A here-document begins with a word of its own; what is quoted is none, and an escaped quote opens nothing.
# Nothing of what is quoted is ever given back: a file of quotes would take minutes.
_HEREDOC = re.compile(
    r"\\[\s\S]|\"(?:[^\"\\]|\\[\s\S]){0,2000}+\"|'[^']{0,2000}+'"
    r"|(?:(?<=\s)|^)\d{0,3}<<-?(?P<quote>[\"']?)(?P<end>[A-Za-z_]\w{0,60})(?P=quote)(?=\s|$)"
)
_WITH_HEREDOCS = frozenset({"RUN", "COPY", "ADD", "ONBUILD"})  # elsewhere << is text
_WORD = re.compile(r"\s*(\S*)[ \t]*")
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?\s+")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; lines that were joined are still apart in `argument`, so that places can be told."""

    word: str  # upper case
    argument: str  # without flags
    script: str  # the same as a shell gets it: joined lines are one, and only here-documents have several
    flags: dict[str, str]
    line: int

    def lines_of(self, offsets: Iterable[int]) -> Iterator[int]:
        """Answer the lines of places in the argument, each behind the one before."""
        return lines_of(self.argument, offsets, first=self.line)


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
        joined = "\n".join(parts)
        for end in _open_heredocs(joined):
            places = ends.get(end, [])
            later = bisect_left(places, number)
            if later < len(places):  # without its end it is none, and must not hide the rest of the file
                parts += lines[number : places[later] + 1]
                number = places[later] + 1
        count += 1
        yield _instruction("\n".join(parts), len(joined), start + 1)


def _open_heredocs(text: str) -> list[str]:
    word, rest = _parted(text)
    if word not in _WITH_HEREDOCS:
        return []
    return [found["end"] for found in _HEREDOC.finditer(rest) if found["end"]][:MAX_HEREDOCS]


def _parted(text: str) -> tuple[str, str]:
    """Answer the word of an instruction, in upper case, and what stands behind it, from its line on."""
    found = _WORD.match(text)
    return (found[1].upper(), text[found.end() :]) if found else ("", text)


def _instruction(text: str, joined: int, line: int) -> Instruction:
    """Read an instruction, the first `joined` characters of which are one line to whoever runs it."""
    word, rest = _parted(text)
    flags: dict[str, str] = {}
    while found := _FLAG.match(rest):
        flags[found[1]] = found[2] or ""
        line += found[0].count("\n")
        rest = rest[found.end() :]
    one_line = max(0, joined - (len(text) - len(rest)))
    script = rest[:one_line].replace("\n", "\v") + rest[one_line:]
    return Instruction(word, rest, script, flags, line)
