"""A diff as a value: what it does to each file, exactly, and the diff that takes it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from .diff import NO_NEWLINE, header
from .refusal import does_not_apply, refused

Kind = Literal[" ", "-", "+"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hunk."""

    kind: Kind
    content: bytes  # with its newline, unless the file ends without one

    def spelled(self) -> bytes:
        """Answer the line as it stands in a diff."""
        line = self.kind.encode() + self.content
        return line if line.endswith(b"\n") else line + b"\n" + NO_NEWLINE.encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that are replaced at one place; `old_at` and `new_at` count the file's lines before it."""

    line: int  # of the diff, from 1: where its header stands
    old_at: int
    new_at: int
    lines: tuple[Line, ...]

    @property
    def old(self) -> list[Line]:
        """What must stand there."""
        return [one for one in self.lines if one.kind != "+"]

    @property
    def new(self) -> list[Line]:
        """What will stand there."""
        return [one for one in self.lines if one.kind != "-"]

    def spelled(self) -> bytes:
        """Answer the hunk with its header."""
        old, new = _range(self.old_at, len(self.old)), _range(self.new_at, len(self.new))
        return f"@@ -{old} +{new} @@\n".encode() + b"".join(one.spelled() for one in self.lines)

    def reversed(self) -> Hunk:
        """Answer the hunk that takes this one back; what goes stands before what comes, as everywhere."""
        lines: list[Line] = []
        for changed, group in groupby(self.lines, key=lambda one: one.kind != " "):
            run = list(group)
            if changed:
                run = [replace(one, kind="-") for one in run if one.kind == "+"] + [
                    replace(one, kind="+") for one in run if one.kind == "-"
                ]
            lines += run
        return replace(self, old_at=self.new_at, new_at=self.old_at, lines=tuple(lines))


@dataclass(frozen=True, slots=True)
class Section:
    """What a diff does to one file."""

    path: str
    line: int  # of the diff, from 1: where it starts
    was: bool  # there is such a file before
    will_be: bool  # there is such a file after
    executable: bool | None  # what its header says about the file's mode, if it says anything
    hunks: tuple[Hunk, ...]

    def applied(self, content: bytes | None) -> bytes | None:
        """Answer the file's new content, None for none.

        Every line must stand exactly where the diff says. Raises Failure `agent.diff_does_not_apply`.
        """
        if (content is not None) != self.was:
            why = "there is no such file" if self.was else "there is such a file already"
            raise does_not_apply(why, line=self.line, file=self.path)
        old = split(content or b"")
        new: list[bytes] = []
        done = 0
        for hunk in self.hunks:
            new += old[done : hunk.old_at]
            done = hunk.old_at
            self._compare(hunk, old)
            done += len(hunk.old)
            new += [one.content for one in hunk.new]
        new += old[done:]
        if any(not one.endswith(b"\n") for one in new[:-1]):
            raise refused("newline", line=self.line, file=self.path)
        if not self.will_be and new:
            raise does_not_apply("the file holds more than the diff removes", line=self.line, file=self.path)
        return b"".join(new) if self.will_be else None

    def reversed(self, *, executable: bool) -> Section:
        """Answer the section that takes this one back; `executable` is the file's mode before."""
        hunks = tuple(hunk.reversed() for hunk in self.hunks)
        return replace(self, was=self.will_be, will_be=self.was, executable=executable, hunks=hunks)

    def spelled(self) -> bytes:
        """Answer the section as it stands in a diff."""
        head = header(self.path, was=self.was, will_be=self.will_be, executable=bool(self.executable))
        if not self.hunks:
            return head.opening.encode()
        return (head.opening + head.names).encode() + b"".join(hunk.spelled() for hunk in self.hunks)

    def _compare(self, hunk: Hunk, old: Sequence[bytes]) -> None:
        at = hunk.old_at
        if at > len(old):
            raise does_not_apply("the file has fewer lines", line=hunk.line, file=self.path)
        for number, one in enumerate(hunk.lines, start=hunk.line + 1):
            if one.kind == "+":
                continue
            if at >= len(old) or old[at] != one.content:
                raise does_not_apply(f"line {at + 1} of the file is another one", line=number, file=self.path)
            at += 1


def split(content: bytes) -> list[bytes]:
    """Split where git does, at newlines alone, and keep them."""
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _range(at: int, count: int) -> str:
    return f"{at + 1 if count else at},{count}"
