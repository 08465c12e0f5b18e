"""Reads a diff by a grammar of its own, strict where git is lenient.

A line that is neither of a known header nor of a hunk is refused, so that nothing is passed over here and
understood by git. What remains can only change, make and remove plain files inside the workspace.
"""

from __future__ import annotations

import re

from airlock_sdk import Failure

from .diff import MAX_FILES, NO_NEWLINE
from .patch import Hunk, Kind, Line, Section
from .paths import broken_rule, folded, parents
from .refusal import Rule, refused

MAX_BYTES = 256 * 1024  # of a diff: somewhat more than is proposed, so that its way back fits too

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@.*")
_INDEX = re.compile(r"index [0-9a-f]{4,64}\.\.[0-9a-f]{4,64}( 100(644|755))?")
_MODE = re.compile(r"(new|deleted) file mode (\d{6})")
_KINDS: dict[str, Kind] = {" ": " ", "-": "-", "+": "+"}


def read(diff: str) -> list[Section]:
    """Answer what a diff does, file by file. Raises Failure `agent.diff_refused` with rule, line and file."""
    if len(diff.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise refused("too-large", line=1, more=f"a diff may have {MAX_BYTES} bytes")
    lines = diff.split("\n")
    if lines[-1] != "":
        raise refused("header", line=len(lines), more="a diff ends with a newline")
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise refused("binary", line=number)
        if not line.isascii() and any("\ud800" <= char <= "\udfff" for char in line):
            raise refused("binary", line=number, more="no Unicode")
    sections = _Reader(lines[:-1]).sections()
    _check_together(sections)
    return sections


def _check_together(sections: list[Section]) -> None:
    """Look at what the files of a diff are to each other: each once, also where cases are one."""
    if len(sections) > MAX_FILES:
        raise refused("too-many", line=sections[MAX_FILES].line, more=f"{MAX_FILES}")
    files: set[str] = set()
    spelled: dict[str, str] = {}
    for section in sections:
        if section.path in files:
            raise refused("twice", line=section.line, file=section.path)
        files.add(section.path)
        for path in (*parents(section.path), section.path):
            if spelled.setdefault(folded(path), path) != path:
                raise refused("case", line=section.line, file=section.path)


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0
        self._file: str | None = None
        self._ended = (False, False)  # the old and the new file of the section under way

    def sections(self) -> list[Section]:
        found: list[Section] = []
        while (line := self._line()) is not None:
            self._file = None
            if line.startswith("diff --git "):
                found.append(self._extended(line))
            elif line.startswith("--- "):
                found.append(self._plain())
            elif line == "":
                self._at += 1
            elif line.startswith(("GIT binary patch", "Binary files")):
                raise self._refused("binary")
            else:
                raise self._refused("header")
        return found

    def _extended(self, line: str) -> Section:
        """Read `diff --git a/x b/x`, the header lines behind it, and what may follow."""
        start = self._at
        path = _same_half(line.removeprefix("diff --git "))
        if path is None:
            # Either it says two names, or one that needs quotes.
            raise self._refused("names")
        self._check_path(path)
        self._at += 1
        kind: str | None = None
        executable: bool | None = None
        while (line := self._line() or "") and not line.startswith(("--- ", "diff --git ")):
            if (mode := _MODE.fullmatch(line)) is not None and kind is None:
                kind, executable = mode[1], self._mode(mode[2])
            elif (index := _INDEX.fullmatch(line)) is not None:
                said = index[2] == "755" if index[1] else executable
                if executable not in (None, said):
                    raise self._refused("mode")
                executable = said
            else:
                raise self._refused(_rule_of(line))
            self._at += 1
        if line.startswith("--- "):
            section = self._body(start, path)
            expected = (kind != "new", kind != "deleted")
            if kind is not None and (section.was, section.will_be) != expected:
                raise refused("names", line=start + 1, file=path)
            return Section(path, start + 1, section.was, section.will_be, executable, section.hunks)
        if kind is None:
            raise self._refused("nothing")
        return Section(path, start + 1, kind == "deleted", kind == "new", executable, ())

    def _plain(self) -> Section:
        return self._body(self._at, None)

    def _body(self, start: int, named: str | None) -> Section:
        """Read `--- a/x`, `+++ b/x` and the hunks behind them."""
        old = self._name("--- ", "a/")
        new = self._name("+++ ", "b/")
        path = old if old is not None else new
        if path is None or (old is not None and new is not None and old != new):
            self._at -= 1
            raise self._refused("names" if path is None else "rename")
        if named is not None and path != named:
            raise self._refused("names")
        if not _HUNK.fullmatch(self._line() or ""):
            raise self._refused("header", "a file without a hunk")
        hunks: list[Hunk] = []
        self._ended = (False, False)
        while (match := _HUNK.fullmatch(self._line() or "")) is not None:
            hunks.append(self._hunk(match, hunks))
        if (old is None and any(hunk.old for hunk in hunks)) or (
            new is None and any(hunk.new for hunk in hunks)
        ):
            raise refused("counts", line=hunks[0].line, file=path, more="of a file that is not there")
        return Section(path, start + 1, old is not None, new is not None, None, tuple(hunks))

    def _hunk(self, match: re.Match[str], before: list[Hunk]) -> Hunk:
        start = self._at
        old_start, old, new_start, new = (1 if one is None else int(one) for one in match.groups())
        old_at, new_at = old_start - bool(old), new_start - bool(new)
        last = before[-1] if before else None
        old_done = last.old_at + len(last.old) if last is not None else 0
        new_done = last.new_at + len(last.new) if last is not None else 0
        # The two sides are equally far from the hunk before: between hunks nothing is changed.
        if old_at < old_done or old_at - old_done != new_at - new_done:
            raise self._refused("counts")
        self._at += 1
        lines: list[Line] = []
        while old > 0 or new > 0:
            lines.append(self._hunk_line())
            old -= lines[-1].kind != "+"
            new -= lines[-1].kind != "-"
            if old < 0 or new < 0:
                self._at = start
                raise self._refused("counts")
        if all(one.kind == " " for one in lines):
            self._at = start
            raise self._refused("nothing")
        return Hunk(start + 1, old_at, new_at, tuple(lines))

    def _hunk_line(self) -> Line:
        line = self._line()
        if line is None or line[:1] not in _KINDS:
            raise self._refused("counts")
        kind = _KINDS[line[0]]
        old_ended, new_ended = self._ended
        if (old_ended and kind != "+") or (new_ended and kind != "-"):
            raise self._refused("newline")
        self._at += 1
        text = line[1:] + "\n"
        if (self._line() or "").startswith("\\"):
            if self._line() != NO_NEWLINE:
                raise self._refused("header")
            self._at += 1
            text = line[1:]
            self._ended = (old_ended or kind != "+", new_ended or kind != "-")
            if not text:
                raise self._refused("newline", "an empty line has a newline")
        return Line(kind, text.encode("utf-8"))

    def _name(self, start: str, prefix: str) -> str | None:
        line = self._line() or ""
        if not line.startswith(start):
            raise self._refused("header", f"a line should start with {start.strip()}")
        name, _tab, rest = line.removeprefix(start).partition("\t")
        if rest or (name != "/dev/null" and not name.startswith(prefix)):
            raise self._refused("names")
        if name == "/dev/null":
            self._at += 1
            return None
        path = name.removeprefix(prefix)
        self._check_path(path)
        self._at += 1
        return path

    def _check_path(self, path: str) -> None:
        rule = broken_rule(path)
        if rule is not None:
            raise self._refused(rule)
        self._file = path

    def _mode(self, mode: str) -> bool:
        if mode in ("120000", "160000"):
            raise self._refused("link")
        if mode not in ("100644", "100755"):
            raise self._refused("mode")
        return mode == "100755"

    def _line(self) -> str | None:
        return self._lines[self._at] if self._at < len(self._lines) else None

    def _refused(self, rule: Rule, more: str = "") -> Failure:
        return refused(rule, line=self._at + 1, file=self._file, more=more)


def _rule_of(line: str) -> Rule:
    if line.startswith(("old mode", "new mode", "new file mode", "deleted file mode")):
        return "mode"
    if line.startswith(("GIT binary patch", "Binary files")):
        return "binary"
    if line.startswith(("rename ", "copy ", "similarity ", "dissimilarity ")):
        return "rename"
    return "header"


def _same_half(names: str) -> str | None:
    """Answer x for `a/x b/x`: the one way to split names with spaces in them."""
    middle = len(names) // 2
    left, right = names[:middle], names[middle + 1 :]
    same = left.startswith("a/") and right.startswith("b/") and left[2:] == right[2:] and names[middle] == " "
    return left[2:] if same else None
