"""Unified diffs in git's format (git-diff-tree(1), "Generating patch text"), from text to text."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

MAX_DIFF = 200 * 1024  # bytes: what a person can be asked to read, and what fits a message
MAX_FILES = 2000  # in one diff: all that fit, when little changes in each
NO_NEWLINE = "\\ No newline at end of file"

_UNSPEAKABLE = re.compile(r'[\x00-\x1f\x7f"\\]')


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a file's hunks; a file that comes or goes empty has no hunks and no names."""

    opening: str
    names: str


def can_name(path: str) -> bool:
    """Tell whether a path can stand in a diff as it is, without git's quoting."""
    return not _UNSPEAKABLE.search(path) and path.isprintable()


def header(path: str, *, was: bool, will_be: bool, executable: bool) -> Header:
    """Answer the header of a file's section; `was` and `will_be` say whether it is there before and after."""
    opening = f"diff --git a/{path} b/{path}\n"
    mode = "100755" if executable else "100644"
    if not was:
        opening += f"new file mode {mode}\n"
    elif not will_be:
        opening += f"deleted file mode {mode}\n"
    # A tab behind a name with a space is how git marks its end.
    end = "\t" if " " in path else ""
    old = f"a/{path}{end}" if was else "/dev/null"
    new = f"b/{path}{end}" if will_be else "/dev/null"
    return Header(opening, f"--- {old}\n+++ {new}\n")


def file_diff(path: str, before: str | None, after: str | None, *, executable: bool = False) -> str:
    """Answer the diff of one file, empty when nothing changed; None stands for a file that is not there.

    Texts keep their line endings; only `\\n` ends a line. Raises ValueError for a path that needs quoting.
    """
    if before == after:
        return ""
    if not can_name(path):
        raise ValueError(f"the name {path!r} cannot stand in a diff")
    head = header(path, was=before is not None, will_be=after is not None, executable=executable)
    if not before and not after:  # an empty file comes or goes: there is no hunk
        return head.opening
    hunks = list(difflib.unified_diff(lines(before or ""), lines(after or ""), n=3))[2:]
    body = "".join(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}\n" for line in hunks)
    return f"{head.opening}{head.names}{body}"


def lines(text: str) -> list[str]:
    """Split where git does, at newlines alone, and keep them."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
