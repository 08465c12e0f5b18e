"""Texts that match a regular expression: the simple kind that schemas hold (classes, groups, repetitions)."""

from __future__ import annotations

import re
from random import Random
from typing import Any

from airlock_sdk.testing.keywords import UnsupportedSchema

# The standard library's own reader of patterns: it has no public name, and hypothesis leans on it too.
sre = re._constants
parser = re._parser

_PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]
_MORE = 4  # repetitions beyond the least, where a pattern sets no limit


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
        if least <= len(text) <= most and re.search(pattern, text):
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
