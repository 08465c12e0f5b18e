"""Checks for languages other than Python, by what stands outside of comments and strings."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from .languages import Language
from .python_code import Hit

# Words of a comment that says why nothing is done.
_REASON = re.compile(r"(?://|/\*|#)\W{0,9}\w{1,40}\W{1,9}\w{1,40}\W{1,9}\w")

_WEB = frozenset({"JavaScript", "TypeScript"})
_BRACED = _WEB | {"Java", "C#", "Kotlin", "PHP", "Scala", "Swift", "Go"}

# By language: rule and what breaks it, looked for in the blanked text.
_PATTERNS: Sequence[tuple[frozenset[str], str, re.Pattern[str]]] = (
    (_WEB, "debugger-left", re.compile(r"(?m)^[ \t]*debugger[ \t]*;?[ \t]*$")),
    (_WEB, "print-left", re.compile(r"\bconsole\.(?:log|debug|dir)\(")),
    (_WEB, "unawaited-callback", re.compile(r"\.forEach\([ \t]*async\b")),
    (_WEB, "loose-equality", re.compile(r"(?<![=!<>])[=!]=(?!=)(?![ \t]*(?:null|undefined)\b)")),
    (frozenset({"Ruby"}), "debugger-left", re.compile(r"\bbinding\.(?:pry|irb)\b|(?m:^[ \t]*byebug\b)")),
    (frozenset({"PHP"}), "print-left", re.compile(r"\bvar_dump\(")),
    (frozenset({"Java"}), "print-left", re.compile(r"\.printStackTrace\(\)")),
    (frozenset({"Java"}), "string-identity", re.compile(r"[=!]=[ \t]*\"|\"[ \t]*[=!]=")),
    (_BRACED, "empty-catch", re.compile(r"\bcatch\b[ \t]*(?:\([^(){}\n]{0,200}\)[ \t]*)?\{\s*\}")),
    (frozenset({"Go"}), "empty-catch", re.compile(r"\bif err != nil \{\s*\}")),
    (frozenset({"Ruby"}), "empty-catch", re.compile(r"(?m)^[ \t]*rescue\b[^\n]*\n[ \t]*end\b")),
)
_SHELL: Sequence[tuple[str, re.Pattern[str]]] = (
    (
        "unquoted-removal",
        re.compile(r"\brm[ \t]+(?:-[a-zA-Z]{1,9}[ \t]+){0,5}-[a-zA-Z]{0,9}[rR][a-zA-Z]{0,9}[ \t]+\$[\w{]"),
    ),
    ("iterated-listing", re.compile(r"(?m)^[ \t]*for[ \t]+\w+[ \t]+in[ \t]+(?:\$\(|`)[ \t]*ls\b")),
)

_HEAD = re.compile(
    r"\b(?:for|foreach)\b[ \t]*\(|\.forEach\(|\bfor\b[^\n{}();]{0,200}\brange\b[^\n{}]{0,200}\{"
)
_BODY = re.compile(r"\s{0,200}\{")
_LOOKED_BACK = 200  # loops; nobody nests or writes more of them before a line
_BRACKET = re.compile(r"[(){}\[\]]")
_PAIRS = {")": "(", "}": "{", "]": "["}
_RECEIVER = (
    r"(?i:db|conn|connection|pool|client|knex|sequelize|tx|trx|session|statement|stmt|\w*repo|\w*repository|dao|em"
    r"|entitymanager|pdo|mysqli|jdbctemplate)"
)
_QUERY = re.compile(
    rf"\b{_RECEIVER}(?:\.|->)(?:query|execute|executeQuery|executeUpdate|queryForObject|findById|findOne|find|prepare"
    r"|Query|QueryRow|QueryContext|QueryRowContext|Exec|ExecContext|Get|Select)\("
    r"|\b[A-Z]\w*\.(?:findById|findOne|findByPk|findUnique)\("
    r"|\bprisma\.\w+\.(?:findUnique|findFirst|findMany|update|create)\("
)
_SQL_IN_LOOP = _BRACED - {"Swift"}


def other_languages(text: str, code: str, language: Language | None, *, in_tests: bool) -> Iterator[Hit]:
    """Answer what is wrong with a file; `code` is its text with comments and strings blanked out."""
    if "\n>>>>>>> " in text:
        yield from _conflicts(text.split("\n"))
    if language is None:
        return
    starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def line(place: int) -> int:
        return bisect_right(starts, place)

    for names, rule, pattern in _PATTERNS:
        if language.name in names and not (rule == "print-left" and in_tests):
            for match in pattern.finditer(code):
                said = rule == "empty-catch" and _REASON.search(text, match.start(), match.end())
                yield Hit(rule, line(match.start()), severity="LOW" if said else None)
    if language.name == "Shell":
        for rule, pattern in _SHELL:
            for match in pattern.finditer(code):
                yield Hit(rule, line(match.start()))
    if language.name in _SQL_IN_LOOP:
        loops = _loops(code)
        for match in _QUERY.finditer(code):
            if _around(match.start(), loops):
                yield Hit("query-in-loop", line(match.start()))
        if language.name == "Go":
            for match in re.finditer(r"(?m)^[ \t]*defer\b(?![ \t]*func\b)", code):
                if _runs_in_loop(code, match.start(), loops):
                    yield Hit("defer-in-loop", line(match.start()))


def _conflicts(lines: Sequence[str]) -> Iterator[Hit]:
    """Answer where both sides of a merge stand: the three markers, in their order."""
    begun = divided = 0
    for number, line in enumerate(lines, start=1):
        if line.startswith("<<<<<<< "):
            begun, divided = number, 0
        elif line.rstrip() == "=======" and begun:
            divided = number
        elif line.startswith(">>>>>>> ") and divided:
            yield Hit("merge-conflict", begun)
            begun = divided = 0


def _loops(code: str) -> list[tuple[int, int]]:
    """Answer where the bodies of loops begin and end."""
    closing = _closing(code)
    found = []
    for match in _HEAD.finditer(code):
        opened = match.end() - 1
        end = closing.get(opened)
        if end is None:
            continue
        if code[opened] == "{" or match[0].startswith("."):
            found.append((opened, end))
            continue
        body = _BODY.match(code, end + 1)
        if body is not None and body.end() - 1 in closing:
            found.append((body.end() - 1, closing[body.end() - 1]))
    return sorted(found)


def _runs_in_loop(code: str, place: int, loops: Sequence[tuple[int, int]]) -> bool:
    inside = _around(place, loops)
    return bool(inside) and "func(" not in code[inside[-1] : place]


def _around(place: int, loops: Sequence[tuple[int, int]]) -> list[int]:
    """Answer where the loops around a place begin, among the last that begin before it."""
    before = bisect_right(loops, (place, 0))
    return [begin for begin, end in loops[max(0, before - _LOOKED_BACK) : before] if place < end]


def _closing(code: str) -> Mapping[int, int]:
    """Pair brackets; what does not fit is passed over."""
    pairs: dict[int, int] = {}
    opened: list[tuple[str, int]] = []
    for match in _BRACKET.finditer(code):
        bracket = match[0]
        if bracket in "({[":
            opened.append((bracket, match.start()))
        elif opened and opened[-1][0] == _PAIRS[bracket]:
            pairs[opened.pop()[1]] = match.start()
    return pairs
