"""What is true of a name that ruff does not find, beyond that it does not: by the text around it alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..findings.severities import Severity

_NAME = re.compile(r"`([^`\s]{1,100})`")
# Old code has these by the hundred, and so has code that asks first which Python runs it.
_OF_PYTHON_2 = re.compile(
    r"(?:basestring|buffer|cmp|execfile|file|long|raw_input|reduce|reload|unichr|unicode|xrange)"
)
# Programs put these into what they run: translations, notebooks, configuration of Jupyter and IPython.
_PUT_THERE = re.compile(r"(?:_|ngettext|get_ipython|display|get_config)")
_FILLED_IN = re.compile(r"__[A-Z][A-Z0-9_]*__")  # a place in a template, by custom
_NEWER = ". Consider specifying"  # how ruff says that a later Python has the name
_STRING = re.compile(r"([A-Za-z]{0,2})(\"(?:[^\"\\]++|\\.)*+\"|'(?:[^'\\]++|\\.)*+')")
# The same for what only asks where texts end: an escaped quote opens none, so that no line takes long.
_QUOTED = re.compile(r"\\.|\"(?:[^\"\\]++|\\.)*+\"|'(?:[^'\\]++|\\.)*+'")
_DEFERRED = re.compile(r"from __future__ import [^#]*\bannotations\b")
_ANNOTATES = re.compile(
    r"\s*(?:(?P<definition>(?:async\s+)?def\s)|\)|\*{0,2}(?!(?:else|try|finally|lambda)\b)[A-Za-z_]\w*\s*:)"
)
_MARK = re.compile(r"->|[][(){},:;=]")
_GOES_ON = ("(", "[", "{", ",")  # at the end of a line: what stands below is a part of the same
_MAX_LINE = 1_000  # characters of a line that are looked at
_MAX_LINES = 200  # of a function, before and behind: a file may ask about each of its lines
_HINT = "Nothing evaluates it here; type checkers stop at it, and so does what reads hints as it runs."


class Said(NamedTuple):
    """How severe it is that a name is not found, and why it matters."""

    severity: Severity
    why: str


def perhaps_there(said: str, path: str, lines: Sequence[str], row: int, column: int) -> Said | None:
    """Answer what is to be said of a name that may be there where the code runs, or that nothing asks for."""
    found = _NAME.search(said)
    name = found[1] if found else ""
    if _OF_PYTHON_2.fullmatch(name):
        return Said("LOW", "Python 3 has no such name.")
    if _NEWER in said:
        return Said("LOW", "It fails when this line runs, but for a Python that is newer than most.")
    if _PUT_THERE.fullmatch(name) or (path.endswith("_config.py") and name == "c"):
        return Said(
            "LOW", "It fails when this line runs, unless the program that runs it puts the name there."
        )
    if _FILLED_IN.fullmatch(name):
        return Said("LOW", "It fails when this line runs, unless something else was filled in before.")
    line = lines[row - 1][:_MAX_LINE] if 0 < row <= len(lines) else ""
    before = line[: column - 1]
    if _in_text(line, column - 1) or (
        _annotates(lines, row, before) and any(_DEFERRED.match(one) for one in lines[:200])
    ):
        return Said("MEDIUM", _HINT)
    given = re.compile(rf"{re.escape(name)}\s{{0,20}}(?::[^=]{{1,200}})?=(?!=)")
    function = _function(lines, row)
    if any(given.match(one.lstrip()) and not _inside(function, at) for at, one in enumerate(function)):
        return Said("LOW", "It fails where this line runs before the name is given a value.")
    return None


def is_a_literal(lines: Sequence[str], row: int, column: int) -> bool:
    """Tell whether what ruff takes for a name is a text that a type lists: Literal["a"]."""
    line = lines[row - 1][:_MAX_LINE] if 0 < row <= len(lines) else ""
    before = line[: column - 1]
    return _in_text(line, column - 1) and before.rfind("Literal[") > before.rfind("]")


def _in_text(line: str, at: int) -> bool:
    """Tell whether a place of a line stands in quotes, and not in the text of an f-string."""
    for found in _STRING.finditer(line):
        if found.start() <= at < found.end():
            return not set(found[1].lower()) & {"f", "t"}
    return False


def _annotates(lines: Sequence[str], row: int, before: str) -> bool:
    """Tell whether what follows is the annotation of an argument, an answer or a variable."""
    found = _ANNOTATES.match(before)
    if found is None or (not found["definition"] and _inside(lines, row - 1) and _bracket(lines, row) != "("):
        return False
    depth = 0 if found["definition"] else 1  # 1: among the arguments, or a variable of its own
    outside = within = ""  # the mark that says what follows, behind the arguments and among them
    for mark in _MARK.findall(_code(before)):
        if mark in "([{":
            depth += 1
        elif mark in ")]}":
            depth -= 1
        elif depth == 0 and mark in ("->", ":"):
            outside = mark
        elif depth == 1 and mark == ",":
            within = ""
        elif depth == 1 and (mark in "=;" or not within):
            within = mark
    return outside == "->" or (not outside and depth > 0 and within == ":")


def _inside(lines: Sequence[str], at: int) -> bool:
    """Tell whether a line goes on with what the one before it began: an argument, an entry."""
    for number in range(at - 1, max(-1, at - _MAX_LINES), -1):
        if code := _code(lines[number]):
            return code.endswith(_GOES_ON)
    return False


def _bracket(lines: Sequence[str], row: int) -> str:
    """Answer the innermost bracket that is open where a line begins, as far as is looked."""
    closed = 0
    for number in range(row - 2, max(-1, row - _MAX_LINES), -1):
        marks: list[str] = _MARK.findall(_code(lines[number]))
        for mark in reversed(marks):
            if mark in ")]}":
                closed += 1
            elif mark in "([{":
                if not closed:
                    return mark
                closed -= 1
    return ""


def _code(line: str) -> str:
    """Answer a line without what its texts hold, and without its comment."""
    return _QUOTED.sub('""', line[:_MAX_LINE]).partition("#")[0].strip()


def _function(lines: Sequence[str], row: int) -> Sequence[str]:
    """Answer the lines of the function that a line stands in, by their indents; none outside of all."""
    inside = _indent(lines[row - 1]) if 0 < row <= len(lines) else 0
    if not inside:
        return ()
    for first in range(row - 2, max(-1, row - _MAX_LINES), -1):
        outside = _indent(lines[first])
        if lines[first].strip() and outside < inside:
            inside = outside  # from here on only what stands further out is around it
            if lines[first].lstrip().startswith(("def ", "async def ")):
                return lines[first : _end(lines, first, outside)]
    return ()


def _end(lines: Sequence[str], first: int, outside: int) -> int:
    """Answer where a block ends, as far as it is looked at."""
    for number in range(first + 1, min(len(lines), first + _MAX_LINES)):
        line = lines[number]
        if line.strip() and _indent(line) <= outside and line.lstrip()[0] not in ")#":
            return number
    return min(len(lines), first + _MAX_LINES)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
