"""Which files and lines are reviewed: all, those that match globs, or those that a diff changes."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airlock_sdk import Failure

from ..findings.files import Source
from ..findings.others import others_folder

_GENERATED = ("_pb2.py", "_pb2_grpc.py", ".pb.go", ".min.js", ".min.css")
_HUNK = re.compile(r"@@ -\d{1,9}(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_ESCAPE = re.compile(r"\\([0-7]{3}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}

Lines = dict[str, set[int]]  # by path: the lines that a diff adds or changes


@dataclass(frozen=True, slots=True)
class Selection:
    """What a review was asked to look at; others' code only if `paths` or a diff ask for it."""

    patterns: tuple[re.Pattern[str], ...] = ()
    changed: Lines | None = None

    def chosen(self, sources: Iterable[Source]) -> list[Source]:
        """Answer the sources that are reviewed, and one entry for each folder of others' code."""
        kept: list[Source] = []
        others: Counter[str] = Counter()
        for one in sources:
            if not self._wants(one.path):
                continue
            if self.patterns or self.changed is not None:
                kept.append(one)
                continue
            folder = others_folder(one.path)
            if one.path.endswith(_GENERATED):
                kept.append(Source(one.path, skipped="made by a tool; paths may ask for it"))
            elif folder is None:
                kept.append(one)
            else:
                others[folder] += 1
        for folder, count in sorted(others.items()):
            kept.append(Source(folder, skipped=f"{count} files that others wrote; paths may ask for them"))
        return kept

    def _wants(self, path: str) -> bool:
        if self.changed is not None and path not in self.changed:
            return False
        return not self.patterns or any(one.fullmatch(path) for one in self.patterns)

    def lines_of(self, path: str) -> frozenset[int] | None:
        """Answer the lines of a file that are reviewed; None if it is all of them."""
        return None if self.changed is None else frozenset(self.changed.get(path, ()))


def selection(globs: Sequence[str] | None, diff: str | None) -> Selection:
    """Read what was asked for. Raises Failure for a diff that cannot be read."""
    return Selection(
        tuple(re.compile(fnmatch.translate(_glob(one))) for one in globs or ()),
        changed_lines(diff) if diff is not None else None,
    )


def changed_lines(diff: str) -> Lines:
    """Read a unified diff, as git writes it: which lines of which new files it adds or changes.

    Where only lines go, the line behind them counts as changed. Raises Failure.
    """
    changed: Lines = {}
    current: set[int] | None = None
    old = new = number = 0
    for line in diff.removesuffix("\n").split("\n"):
        if old > 0 or new > 0:
            if line.startswith("+"):
                new -= 1
                if current is not None:
                    current.add(number)
                number += 1
            elif line.startswith("-"):
                old -= 1
                if current is not None:
                    current.add(max(1, number))
            elif not line.startswith("\\"):
                old, new, number = old - 1, new - 1, number + 1
        elif line.startswith("+++ "):
            path = _path(line[4:])
            current = None if path is None else changed.setdefault(path, set())
        elif (hunk := _HUNK.match(line)) is not None:
            if current is None and not changed:
                raise Failure("agent.diff_unreadable", "the diff has a hunk before the name of a file")
            old, new = int(hunk[1] or 1), int(hunk[3] or 1)
            number = int(hunk[2])
    if diff.strip() and not changed and "--- " not in diff and "diff --git" not in diff:
        raise Failure("agent.diff_unreadable", "this is no unified diff: it names no file")
    return changed


def _glob(pattern: str) -> str:
    """Spell a glob so that a folder means all that lies in it; `*` goes through folders."""
    clean = pattern.removeprefix("./").replace("**/", "*").replace("**", "*")
    return clean + "*" if clean.endswith("/") else clean


def _path(spelled: str) -> str | None:
    name = spelled.split("\t", 1)[0].rstrip()
    if name.startswith('"') and name.endswith('"'):
        raw = _ESCAPE.sub(_byte, name[1:-1])
        name = raw.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
    if name == "/dev/null":
        return None
    return name.removeprefix("b/")


def _byte(match: re.Match[str]) -> str:
    escaped = match[1]
    return chr(int(escaped, 8) & 0xFF) if len(escaped) == 3 else _ESCAPES.get(escaped, escaped)
