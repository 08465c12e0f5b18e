"""Unified diffs in git's format (git-diff-tree(1), "Generating patch text"), from text to text."""

from __future__ import annotations

import difflib
import re

MAX_DIFF = 200 * 1024  # bytes: what a person can be asked to read, and what fits a message

_UNSPEAKABLE = re.compile(r'[\x00-\x1f\x7f"\\]')


def can_name(path: str) -> bool:
    """Tell whether a path can stand in a diff as it is, without git's quoting."""
    return not _UNSPEAKABLE.search(path) and path.isprintable()


def file_diff(path: str, before: str | None, after: str | None, *, executable: bool = False) -> str:
    """Answer the diff of one file, empty when nothing changed; None stands for a file that is not there.

    Texts keep their line endings; only `\\n` ends a line. Raises ValueError for a path that needs quoting.
    """
    if before == after:
        return ""
    if not can_name(path):
        raise ValueError(f"the name {path!r} cannot stand in a diff")
    head = f"diff --git a/{path} b/{path}\n"
    mode = "100755" if executable else "100644"
    if before is None:
        head += f"new file mode {mode}\n"
    elif after is None:
        head += f"deleted file mode {mode}\n"
    if not before and not after:  # an empty file comes or goes: there is no hunk
        return head
    # A tab behind a name with a space is how git marks its end.
    end = "\t" if " " in path else ""
    old = "/dev/null" if before is None else f"a/{path}{end}"
    new = "/dev/null" if after is None else f"b/{path}{end}"
    hunks = list(difflib.unified_diff(lines(before or ""), lines(after or ""), n=3))[2:]
    body = "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in hunks
    )
    return f"{head}--- {old}\n+++ {new}\n{body}"


def lines(text: str) -> list[str]:
    """Split where git does, at newlines alone, and keep them."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
