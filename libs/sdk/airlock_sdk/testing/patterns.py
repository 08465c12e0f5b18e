"""Texts that match a regular expression: the simple kind that schemas hold (classes, groups, repetitions)."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from importlib import import_module
from random import Random
from typing import Any

from airlock_sdk.testing.keywords import UnsupportedSchema

# The standard library's own reader of patterns: it has no public name, and hypothesis leans on it too.
sre = import_module("re._constants")
parser = import_module("re._parser")

_PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]
_MORE = 4  # repetitions beyond the least, where a pattern sets no limit


# What Airlock takes for a digit, a letter of a word, and a space: Python's own reach further, or elsewhere.
_DIGITS = [(0x30, 0x39)]
_WORD = [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]
_SPACES = [
    *[(0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)],
    *[(0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)],
]
_RANGES = {"d": _DIGITS, "w": _WORD, "s": _SPACES}
_TOKENS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$|\{,|\(\?(?:[#(>a=!]|P=|<[=!])", re.DOTALL)
_IN_CLASS = re.compile(r"\\[dDwWsS]-(?=[^\]])|(?<=[^^])-\\[dDwWsS]|\\.|[\[&|~]", re.DOTALL)
_REFUSED = re.compile(r"\\[Za0-9N]|\{,|\(\?.*")
_REFUSED_IN_CLASS = re.compile(r"\\[Za0-9Nb]|\\.-|-\\.")
"""What Python reads, here or once it is spelled, and registration refuses."""


def found_in(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text, as Airlock sees it. Raises UnsupportedSchema for no pattern.

    Only beside letters with marks of their own (`e` and U+0301) `\\b` may stand elsewhere.
    """
    try:
        return re.search(_spelled(pattern), text) is not None
    except re.error as error:
        raise UnsupportedSchema(f"no pattern: {pattern}: {error}") from error


@lru_cache(maxsize=256)
def _spelled(pattern: str) -> str:
    """Spell a pattern so that Python finds what Airlock finds. Raises UnsupportedSchema for Python's own."""

    def token(found: re.Match[str]) -> str:
        one = found[0]
        if _REFUSED.fullmatch(one):
            raise UnsupportedSchema(f"no pattern: {pattern}: Airlock does not know {one}")
        if one == "$":
            return r"\Z"  # Python's own lets a line break follow
        if one.startswith("["):
            return one[0] + _IN_CLASS.sub(member, one[1:])
        if one[0] == "\\" and one[1] in "dws":
            return f"[{_class(_RANGES[one[1]])}]"
        if one[0] == "\\" and one[1] in "DWS":
            return f"[^{_class(_RANGES[one[1].lower()])}]"
        return one

    def member(found: re.Match[str]) -> str:
        one = found[0]
        if _REFUSED_IN_CLASS.fullmatch(one):
            raise UnsupportedSchema(f"no pattern: {pattern}: Airlock does not know {one} among others")
        if one[0] != "\\":
            return "\\" + one  # it may mean more some day, as Python warns
        if one[1] in "dws":
            return _class(_RANGES[one[1]])
        return _class(_all_but(_RANGES[one[1].lower()])) if one[1] in "DWS" else one

    return _TOKENS.sub(token, pattern)


def _class(ranges: list[tuple[int, int]]) -> str:
    return "".join(rf"\U{low:08x}-\U{high:08x}" for low, high in ranges)


def _all_but(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    lows = [0, *(high + 1 for _, high in ranges)]
    highs = [*(low - 1 for low, _ in ranges), sys.maxunicode]
    return list(zip(lows, highs, strict=True))


def text_matching(pattern: str, chance: Random | None, least: int, most: int) -> str:
    """Make a text of that many characters that a pattern finds itself in; the shortest without `chance`.

    Raises UnsupportedSchema for look-around, back references, and where no text of that length is found.
    """
    try:
        tree = parser.parse(pattern)
    except re.error as error:
        raise UnsupportedSchema(f"no pattern: {pattern}: {error}") from error
    for more in range(_MORE * 8):
        text = _of(tree, chance, more if chance is None else chance.randint(0, more + _MORE))
        text += "a" * (least - len(text)) if not pattern.endswith("$") else ""
        if least <= len(text) <= most and found_in(pattern, text):
            return text
    raise UnsupportedSchema(f"found no text of {least} to {most} characters for {pattern}: make it by hand")


def _of(tree: Any, chance: Random | None, more: int) -> str:
    return "".join(_part(op, value, chance, more) for op, value in tree)


def _part(op: Any, value: Any, chance: Random | None, more: int) -> str:
    match op:
        case sre.LITERAL:
            return chr(value)
        case sre.AT:
            return ""
        case sre.ANY:
            return str(_pick(_PRINTABLE[33:], chance))
        case sre.NOT_LITERAL:
            return str(_pick([one for one in _PRINTABLE[33:] if ord(one) != value], chance))
        case sre.IN:
            return str(_pick(_members(value), chance))
        case sre.BRANCH:
            return _of(_pick(list(value[1]), chance), chance, more)
        case sre.SUBPATTERN:
            return _of(value[-1], chance, more)
        case sre.MAX_REPEAT | sre.MIN_REPEAT:
            least, most, inner = value
            count = min(least + more, int(most))
            return "".join(_of(inner, chance, more) for _ in range(count))
        case _:
            raise UnsupportedSchema(f"a pattern with {str(op).lower()}: make this value by hand")


def _members(items: Any) -> list[str]:
    wanted: set[str] = set()
    negated = False
    for op, value in items:
        match op:
            case sre.NEGATE:
                negated = True
            case sre.LITERAL:
                wanted.add(chr(value))
            case sre.RANGE:
                low, high = value
                wanted |= {chr(code) for code in range(low, min(high, low + 0x80) + 1)}
            case sre.CATEGORY:
                wanted |= {one for one in _PRINTABLE if _in_category(value, one)}
            case _:
                raise UnsupportedSchema(f"a pattern with {str(op).lower()}: make this value by hand")
    found = [one for one in _PRINTABLE if one not in wanted] if negated else sorted(wanted)
    # Letters first: what is easiest on the eye is what an example shows.
    return sorted(found, key=lambda one: (not one.isalnum(), one))


def _in_category(category: Any, one: str) -> bool:
    letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}
    name = str(category).removeprefix("CATEGORY_")
    spelled = letter[name.removeprefix("NOT_")]
    found = re.match(rf"\{spelled}", one) is not None
    return found != name.startswith("NOT_")


def _pick(choices: list[Any], chance: Random | None) -> Any:
    if not choices:
        raise UnsupportedSchema("a pattern's class without a printable character: make this value by hand")
    return choices[0] if chance is None else chance.choice(choices)
