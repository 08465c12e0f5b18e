"""Why a diff is refused: each rule by its code, and what it says to the person who reads the failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from airlock_sdk import Failure

Rule = Literal[
    "binary",
    "case",
    "counts",
    "git-differs",
    "header",
    "link",
    "mode",
    "names",
    "newline",
    "nothing",
    "other-diff",
    "path-encoded",
    "path-outside",
    "path-reserved",
    "path-spelling",
    "rename",
    "too-large",
    "too-many",
    "twice",
]

SAID: Mapping[Rule, str] = {
    "binary": "binary content",
    "case": "a name that differs from another one in case or composition only",
    "counts": "a hunk that disagrees with its counts, or with the hunks before it",
    "git-differs": "git reads this diff in another way",
    "header": "neither a header nor a hunk that belongs here",
    "link": "links, submodules, and what lies behind them",
    "mode": "a change of modes, or a mode that the file does not have",
    "names": "names that disagree with each other, or do not start with a/ and b/",
    "newline": "a line goes on behind the end of its file",
    "nothing": "a section that changes nothing",
    "other-diff": "it is not the diff that was expected",
    "path-encoded": "a path that leads elsewhere once it is decoded",
    "path-outside": "a path that leads out of the workspace, or is none",
    "path-reserved": ".git and what steers git are not touched",
    "path-spelling": "a name with quotes, controls, backslashes, or not spelled plainly",
    "rename": "renames and copies; give what goes and what comes as two files (git diff --no-renames)",
    "too-large": "files larger than a patch is meant for",
    "too-many": "more files than one diff may touch",
    "twice": "a file has one section",
}


def refused(rule: Rule, *, line: int, file: str | None = None, more: str = "") -> Failure:
    """Make the failure `agent.diff_refused`: by its rule, the diff's line (from 1), and the file if known."""
    where = f"line {line} of the diff" if file is None else f"line {line} of the diff, {file!r}"
    said = f"{SAID[rule]} ({more})" if more else SAID[rule]
    details = {"rule": rule, "line": line, "file": file}
    return Failure("agent.diff_refused", f"{where}: {said}", details=details)


def does_not_apply(why: str, *, line: int, file: str) -> Failure:
    """Make the failure `agent.diff_does_not_apply`: the diff was made for another tree."""
    details = {"why": why, "line": line, "file": file}
    return Failure("agent.diff_does_not_apply", f"line {line} of the diff, {file!r}: {why}", details=details)
