"""What a diff may do: change, make, remove and rename plain files inside the workspace, and nothing else.

The diff is read by a grammar of its own, strict where git is lenient: a line that is neither of a known
header nor of a hunk is refused, so that nothing in it is passed over here and understood by git.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from airlock_sdk import Failure, WorkspaceError, tar

from .diff import can_name

MAX_FILES = 500  # in one diff

# They steer what git does with a tree, for whoever opens it next.
_RESERVED = {".git", ".gitattributes", ".gitmodules", "git~1"}

_HUNK = re.compile(r"@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@.*")
_INDEX = re.compile(r"index [0-9a-f]{4,64}\.\.[0-9a-f]{4,64}( 100(644|755))?")
_SIMILARITY = re.compile(r"(dis)?similarity index \d{1,3}%")
_MODE = re.compile(r"(new|deleted) file mode (\d{6})")


@dataclass(frozen=True, slots=True)
class Touched:
    """The files a diff speaks of: those it reads and those it writes (a rename has one of each)."""

    reads: frozenset[str]
    writes: frozenset[str]

    @property
    def all(self) -> list[str]:
        """Every path, sorted."""
        return sorted(self.reads | self.writes)


def check(diff: str) -> Touched:
    """Answer which files a diff touches; raises Failure `agent.diff_refused`, with line and rule."""
    if "\0" in diff:
        raise _refused(1, "binary content")
    lines = diff.split("\n")
    if lines[-1] != "":
        raise _refused(len(lines), "a diff ends with a newline")
    reader = _Reader(lines[:-1])
    reader.read()
    if len(reader.reads | reader.writes) > MAX_FILES:
        raise Failure("agent.diff_refused", f"a diff may touch {MAX_FILES} files")
    return Touched(frozenset(reader.reads), frozenset(reader.writes))


def check_path(path: str, line: int) -> str:
    """Answer a path that stays in the workspace; raises Failure for one that does not, or is reserved."""
    try:
        checked = tar.check_path(os.fsencode(path))
    except (WorkspaceError, UnicodeEncodeError) as error:
        raise _refused(line, "the path leads out of the workspace, or is none") from error
    if checked != path or checked == ".":
        raise _refused(line, "the path is not spelled plainly")
    if not can_name(path):
        raise _refused(line, "a name with controls, quotes or backslashes")
    if any(part.casefold() in _RESERVED for part in path.split("/")):
        raise _refused(line, ".git and what steers git are not touched")
    return path


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0
        self.reads: set[str] = set()
        self.writes: set[str] = set()

    def read(self) -> None:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith("diff --git "):
                self._extended(line)
            elif line.startswith("--- "):
                self._file(None)
            elif line == "":
                self._at += 1
            else:
                raise self._refused("neither a header nor a hunk")

    def _extended(self, line: str) -> None:
        """Read `diff --git a/x b/y` and the header lines behind it."""
        match = re.fullmatch(r"diff --git a/(.+) b/(.+)", line)
        if match is None:
            raise self._refused("a path with quotes, or without a/ and b/")
        same = _halves(line.removeprefix("diff --git "))
        old, new = (same, same) if same else match.groups()
        self._note(old, new)
        self._at += 1
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith("--- "):
                self._file((old, new))
                return
            if not self._header(line, old, new):
                return
            self._at += 1

    def _header(self, line: str, old: str, new: str) -> bool:
        mode = _MODE.fullmatch(line)
        if mode is not None:
            if mode[2] not in ("100644", "100755"):
                raise self._refused("links, submodules and other modes than 100644 and 100755")
            return True
        if line.startswith(("old mode", "new mode")):
            raise self._refused("a change of modes")
        if line.startswith(("GIT binary patch", "Binary files")):
            raise self._refused("binary content")
        if line.startswith(("rename ", "copy ")):
            expected = {f"rename from {old}", f"rename to {new}", f"copy from {old}", f"copy to {new}"}
            if line not in expected:
                raise self._refused("a rename that disagrees with its header")
            return True
        return bool(_INDEX.fullmatch(line) or _SIMILARITY.fullmatch(line))

    def _file(self, named: tuple[str, str] | None) -> None:
        """Read `--- a/x`, `+++ b/x` and the hunks behind them."""
        old = self._name("--- ", "a/")
        new = self._name("+++ ", "b/")
        if old is None and new is None:
            raise self._refused("a change from nothing to nothing")
        if named is not None and (old not in (None, named[0]) or new not in (None, named[1])):
            raise self._refused("names that disagree with the line diff --git")
        self._note(old if old is not None else new, new if new is not None else old)
        if self._at >= len(self._lines) or not _HUNK.fullmatch(self._lines[self._at]):
            raise self._refused("a file without a hunk")
        while self._at < len(self._lines) and (hunk := _HUNK.fullmatch(self._lines[self._at])):
            self._at += 1
            self._hunk(*(1 if count is None else int(count) for count in hunk.groups()))

    def _hunk(self, old: int, new: int) -> None:
        while old > 0 or new > 0:
            line = self._lines[self._at] if self._at < len(self._lines) else None
            kind = line[:1] if line else " " if line == "" else None
            old -= kind in (" ", "-")
            new -= kind in (" ", "+")
            if kind not in (" ", "-", "+", "\\") or old < 0 or new < 0:
                raise self._refused("a hunk that disagrees with its counts")
            self._at += 1
        if self._at < len(self._lines) and self._lines[self._at].startswith("\\ "):
            self._at += 1

    def _name(self, start: str, prefix: str) -> str | None:
        line = self._lines[self._at] if self._at < len(self._lines) else ""
        if not line.startswith(start):
            raise self._refused(f"a line that should start with {start.strip()}")
        name, _tab, rest = line.removeprefix(start).partition("\t")
        if rest:
            raise self._refused("something behind a file's name")
        if name != "/dev/null" and not name.startswith(prefix):
            raise self._refused("a path with quotes, or without a/ and b/")
        self._at += 1
        return None if name == "/dev/null" else check_path(name.removeprefix(prefix), self._at)

    def _note(self, old: str | None, new: str | None) -> None:
        if old is not None:
            self.reads.add(check_path(old, self._at + 1))
        if new is not None:
            self.writes.add(check_path(new, self._at + 1))

    def _refused(self, rule: str) -> Failure:
        return _refused(self._at + 1, rule)


def _halves(names: str) -> str | None:
    """Answer x for `a/x b/x`: the one way to split names with spaces in them."""
    middle = len(names) // 2
    left, right = names[:middle], names[middle + 1 :]
    same = left.startswith("a/") and right.startswith("b/") and left[2:] == right[2:] and names[middle] == " "
    return left[2:] if same else None


def _refused(line: int, rule: str) -> Failure:
    where = {"line": line, "rule": rule}
    return Failure("agent.diff_refused", f"line {line} of the diff: {rule}", details=where)
