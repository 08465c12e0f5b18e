"""Files of any size, in blocks: a few lines at a time, with those around them, and no more in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .files import MAX_LINE, OVERLAP

ABOVE = 5  # lines before one that say what it is: somebody asks there to look away
BELOW = 12  # and behind it: a key follows its header
BLOCK_LINES = 400
BLOCK_CHARS = 128 * 1024  # and so what is searched between two looks at the clock
_BUFFER = 64 * 1024

# What no text has is space in a binary: the words between stay apart.
_BINARY: dict[int, str | None] = dict.fromkeys(
    [*range(9), 11, 12, *range(14, 32), *range(127, 160), 0xFFFD], " "
)


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a file, each cut to what detectors see at once, and what was cut off."""

    first: int  # the number of lines[0] in the file
    lines: list[str]  # with those around the ones that are asked about
    start: int  # lines[start:stop] are asked about: each line of the file once
    stop: int
    rest: list[tuple[int, str]]  # what was cut off of lines, in pieces that overlap, with the lines' numbers


def blocks(path: Path, *, binary: bool = False) -> Iterator[Block]:
    """Read a file in blocks, in whatever encoding it is; of a `binary` its printable parts.

    Letters beyond ASCII may come out wrong: no shape of a secret has any.
    """
    lines: list[str] = []
    rest: list[tuple[int, str]] = []
    first, start, size = 1, 0, 0
    for number, begins, text in _pieces(path, binary=binary):
        if begins:
            lines.append(text)
        else:
            rest.append((number, text))
        size += len(text)
        if len(lines) - start + len(rest) >= BLOCK_LINES or size >= BLOCK_CHARS:
            stop = max(start, len(lines) - BELOW)
            yield Block(first, lines, start, stop, rest)
            gone = max(0, stop - ABOVE)
            lines, rest, size = lines[gone:], [], 0
            first, start = first + gone, stop - gone
    yield Block(first, lines, start, len(lines), rest)


def _pieces(path: Path, *, binary: bool) -> Iterator[tuple[int, bool, str]]:
    """Read lines in pieces: a line's number, whether the piece begins it, and its text."""
    number, begins, before = 1, True, ""
    with _opened(path, binary=binary) as file:
        while part := file.readline(MAX_LINE if begins else MAX_LINE - OVERLAP):
            text = part.removesuffix("\n")
            if binary:
                text = text.translate(_BINARY)
            if begins or text:
                yield number, begins, before + text
            begins = part.endswith("\n")
            number += begins
            before = "" if begins else (before + text)[-OVERLAP:]


def _opened(path: Path, *, binary: bool) -> io.TextIOWrapper:
    raw: io.RawIOBase = path.open("rb", buffering=0)
    source = io.BufferedReader(raw if binary else _WithoutNulls(raw), _BUFFER)
    return io.TextIOWrapper(source, encoding="utf-8", errors="replace")


class _WithoutNulls(io.RawIOBase):
    """A file's bytes but the null ones: these hide the word around them, and UTF-16 is half of them.

    They are gone before lines are told apart: in UTF-16 one stands between a return and its newline.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
        while part := self._raw.read(len(buffer)):
            if kept := part.replace(b"\0", b""):
                buffer[: len(kept)] = kept
                return len(kept)
        return 0

    def close(self) -> None:
        self._raw.close()
        super().close()
