"""Secrets in files that are too large to be read whole, or are no text: in blocks, and for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from . import secret_kinds
from .blocks import Block, blocks
from .detected import Detected, is_guess
from .finding import Finding
from .severities import SEVERITIES

SECONDS_PER_FILE = 20.0  # less than a file may take in all: what was found until then is told
SECONDS = 240.0  # for all such files that one process looks at
_BY_CHANCE = "artifactory-credentials"  # a few letters: any program's names have them
MAX_FOUND = (
    20_000  # lines of one file; beyond them only what is louder than LOW, and beyond twice that nothing
)


class Detectors(Protocol):
    """What looks at lines, each alone, and makes findings: `credentials.Credentials`."""

    def plainly(self, path: str, lines: Iterable[str], *, guess: bool = True) -> list[Detected]: ...

    def finding(self, detected: Sequence[Detected], shown: str, lines: list[str]) -> Finding: ...


class LargeFiles:
    """Looks for secrets in files one after the other, each for a while and all of them for a while."""

    def __init__(self, detectors: Detectors, clock: Callable[[], float] = time.monotonic) -> None:
        self._detectors = detectors
        self._clock = clock
        self._left = SECONDS

    def check(
        self, file: Path, path: str, shown: str, *, binary: bool = False
    ) -> tuple[list[Finding], str | None]:
        """Answer the secrets in a file, one finding for each line that has any, and what was left out.

        Nothing is taken for a comment, as what stands before a block is not known. Strings of high entropy
        are looked for until there are so many that the file is data. In what is `binary` only keys and
        providers' tokens are looked for: the rest would be chance.
        """
        began = self._clock()
        most = min(SECONDS_PER_FILE, self._left)
        look = _Look(self._detectors, path, shown, lambda: self._clock() - began > most, binary=binary)
        cut = None
        for block in blocks(file, binary=binary):
            if look.is_full:
                cut = f"for secrets only up to line {block.first + block.start}: too many before it"
                break
            look.take(block)
            if look.stopped is not None:
                cut = f"for secrets only up to line {look.stopped}: no time was left"
                break
        self._left = max(0.0, self._left - (self._clock() - began))
        return look.findings(), cut


class _Look:
    def __init__(
        self, detectors: Detectors, path: str, shown: str, is_late: Callable[[], bool], *, binary: bool
    ) -> None:
        self._detectors = detectors
        self._path = path
        self._shown = shown
        self._is_late = is_late
        self._binary = binary
        self.stopped: int | None = None  # the line that there was no time for, if any
        self._guesses: set[int] = set()  # lines for which nothing but entropy speaks
        self._found: dict[int, Finding] = {}

    @property
    def is_full(self) -> bool:
        """Tell whether there is more than anybody reads."""
        return len(self._found) >= 2 * MAX_FOUND

    def take(self, block: Block) -> None:
        """Look at the lines that a block asks about, and at what was cut off of lines."""
        by_line: dict[int, list[Detected]] = {}
        for one in self._seen(block):
            by_line.setdefault(one.line, []).append(one)
        for line, detected in by_line.items():
            found = self._detectors.finding(detected, self._shown, block.lines)
            self._keep(replace(found, line=block.first - 1 + line), guess=is_guess(detected))

    def findings(self) -> list[Finding]:
        """Answer what was found; guesses are LOW where there are so many that the file is data."""
        data = len(self._guesses) >= secret_kinds.MANY_GUESSES
        return [
            replace(one, severity="LOW", unlowered="LOW") if data and line in self._guesses else one
            for line, one in self._found.items()
        ]

    def _seen(self, block: Block) -> Iterator[Detected]:
        guess = not self._binary and len(self._guesses) < secret_kinds.MANY_GUESSES
        asked = enumerate(block.lines[block.start : block.stop], start=block.first + block.start)
        for one in self._detectors.plainly(self._path, self._in_time(asked), guess=guess):
            yield replace(one, line=block.start + one.line)
        for one in self._detectors.plainly(self._path, self._in_time(block.rest), guess=False):
            yield replace(one, line=block.rest[one.line - 1][0] - block.first + 1)

    def _in_time(self, lines: Iterable[tuple[int, str]]) -> Iterator[str]:
        """Answer lines while there is time: one alone may take as long as a block of others."""
        for number, line in lines:
            if self.stopped is not None or self._is_late():
                self.stopped = self.stopped or number
                return
            yield line

    def _keep(self, found: Finding, *, guess: bool) -> None:
        # A library that reads keys has their headers.
        if self._binary and (found.severity != "CRITICAL" or found.rule == _BY_CHANCE):
            return
        if found.severity == "LOW" and len(self._found) >= MAX_FOUND:
            return
        known = self._found.get(found.line)
        if guess and known is None:
            self._guesses.add(found.line)
        elif not guess:
            self._guesses.discard(found.line)
        self._found[found.line] = found if known is None else _louder(known, found)


def _louder(one: Finding, other: Finding) -> Finding:
    """Make one finding of two on a line, which stood in different blocks."""
    first, second = sorted((one, other), key=lambda each: SEVERITIES.index(each.severity))
    also = dict.fromkeys((*first.also, second.rule, *second.also))
    return replace(first, also=tuple(rule for rule in also if rule != first.rule))
