"""The patterns of `.gitignore` files, matched in a time that no pattern can blow up."""

import re
from collections.abc import Sequence
from pathlib import Path

from airlock_sdk import WorkspaceError
from pathspec import GitIgnoreSpec
from pathspec.pattern import RegexPattern
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

IGNORE_FILE = ".gitignore"
MAX_IGNORE_BYTES = 256 * 1024
"""Of one file."""
MAX_IN_FORCE = 4_000
"""Patterns that hold in one folder, its own and those above it."""
MAX_PATTERNS = 100_000
"""Patterns of one listing."""

# As pathspec spells them: `*`, what else stands in a segment, `**/` at the beginning, `/**` within.
_STAR = r"[^/]*"
_STARS = re.compile(r"(?:\[\^/\]\*){2,}")
_PIECE = r"(?:\[\^/\](?!\*)|\(\?!/\)|\[\^?\]?(?:\\.|[^\]\\])*\]|\\[^/]|[^\\/()\[*+?{}|^$])+?"
_BETWEEN_STARS = re.compile(rf"\[\^/\]\*({_PIECE})(?=\[\^/\]\*)")
_SET = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")
_MAY_MEAN_MORE = re.compile(r"(?<!\\)[\[&~|]")  # Python warns of these within a set
_ESCAPED = r"\\\g<0>"
_BEGINNING = "^(?:.+/)?"
_WITHIN = "(?:/.+)?/"


def _pattern(line: str) -> RegexPattern:
    try:
        regex, include = GitIgnoreSpecPattern.pattern_to_regex(line)
        if regex is not None:
            return RegexPattern(re.compile(without_retries(regex)), include)
    except (GitIgnorePatternError, re.error):
        pass  # what is no pattern names nothing, as git has it
    return RegexPattern(None)


def without_retries(regex: str) -> str:
    """The same expression with each star but a segment's last, and each `**` but the last, tried once.

    What stands between two stars may as well be found where it is first: whatever follows a star
    follows it from there, too. Tried everywhere, a line of twelve stars and one file's name take hours.
    """
    plain = _SET.sub(_set, regex)
    once = _BETWEEN_STARS.sub(r"(?>[^/]*?\1)", _STARS.sub(lambda _: _STAR, plain))
    first, *others = once.split(_WITHIN)
    if not others:
        return once
    if first.startswith(_BEGINNING):
        first = f"^(?>(?:.+?/)??{first.removeprefix(_BEGINNING)}(?=/))"
    *middle, last = others
    return first + "".join(f"(?>(?:/.+?)??/{one}(?=/))" for one in middle) + _WITHIN + last


def _set(found: re.Match[str]) -> str:
    """A set of letters as git means it: never a slash, nor what Python may come to mean by it."""
    whole = found[0]
    if whole[0] == "\\" or whole == "[^/]":
        return whole
    return f"(?!/)[{_MAY_MEAN_MORE.sub(_ESCAPED, whole[1:-1])}]"


class IgnoreFiles:
    """The `.gitignore` files of one listing, which are bounded together."""

    def __init__(self) -> None:
        self._left = MAX_PATTERNS

    def read(self, path: Path, in_force: int) -> GitIgnoreSpec:
        """The patterns of a file, where as many are in force already. Raises WorkspaceError, OSError."""
        with path.open("rb") as file:
            raw = file.read(MAX_IGNORE_BYTES + 1)
        lines = [line for line in raw.decode("utf-8", "replace").splitlines() if line and line[0] != "#"]
        self._left -= len(lines)
        if len(raw) > MAX_IGNORE_BYTES or in_force + len(lines) > MAX_IN_FORCE or self._left < 0:
            raise WorkspaceError(
                str(path), "its patterns are too many to be tried; --with-ignored tries none"
            )
        return GitIgnoreSpec.from_lines(lines, _pattern)


def is_named(path: str, rules: Sequence[tuple[str, GitIgnoreSpec]]) -> bool:
    """Whether the deepest file that has a word about the path says that it is ignored."""
    for prefix, spec in reversed(rules):
        if (word := spec.check_file(path[len(prefix) :]).include) is not None:
            return word
    return False
