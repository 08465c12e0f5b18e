"""One value of a TOML file, set by tomlkit, which keeps comments and layout."""

from __future__ import annotations

import tomllib
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ..reason import AROUND, Reason
from .setting import ALREADY, MISSING, NO_SCALAR, OTHER_NOW, Scalar, Value, same, shown
from .surroundings import lines_changed


def changed(text: str, wished: Value) -> str | Reason:
    """Answer the file with the value set, or why it is left as it is."""
    if wished.value is None:
        return Reason("TOML has no null")
    try:
        before = tomllib.loads(text)
        document = tomlkit.parse(text)
    except (tomllib.TOMLDecodeError, TOMLKitError, RecursionError):
        return Reason("the file is no valid TOML")
    *above, last = wished.path
    holder, plain = _at(document, above), _at(before, above)
    if holder is None or plain is None:
        return Reason(MISSING.format(path=shown(wished.path[:-1])))
    there = _is_key(holder, last) or _is_index(holder, last)
    if not there and not (wished.add and isinstance(holder, dict) and isinstance(last, str)):
        return Reason(MISSING.format(path=shown(wished.path)))
    literal = False
    if there:
        now = plain[last]
        if isinstance(now, list | dict):
            return Reason(NO_SCALAR.format(path=shown(wished.path)))
        if wished.now and not same(now, wished.now[0]):
            return Reason(OTHER_NOW.format(path=shown(wished.path)))
        if same(now, wished.value):
            return Reason(ALREADY)
        literal = isinstance(now, str) and holder[last].as_string().startswith("'")
    try:
        holder[last] = _item(wished.value, literal=literal)
        result = tomlkit.dumps(document)
        plain[last] = wished.value
        alike = tomllib.loads(result) == before
    except (TOMLKitError, tomllib.TOMLDecodeError, ValueError):
        return Reason(AROUND)
    return result if alike and lines_changed(text, result) <= 1 else Reason(AROUND)


def _at(document: Any, path: list[str | int]) -> Any:
    """Answer what stands at a path, None for nothing."""
    for part in path:
        if not (_is_key(document, part) or _is_index(document, part)):
            return None
        document = document[part]
    return document if isinstance(document, dict | list) else None


def _is_key(holder: Any, part: str | int) -> bool:
    return isinstance(holder, dict) and isinstance(part, str) and part in holder


def _is_index(holder: Any, part: str | int) -> bool:
    return isinstance(holder, list) and isinstance(part, int) and 0 <= part < len(holder)


def _item(value: Scalar, *, literal: bool) -> Any:
    if isinstance(value, str) and literal and not any(char == "'" or ord(char) < 32 for char in value):
        return tomlkit.string(value, literal=True)
    return tomlkit.item(value)
