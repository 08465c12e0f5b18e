"""Strict JSON from outside: what an agent printed, what a trigger brought.

Refuses what different readers would understand differently (duplicate keys, NaN, numbers beyond a
double, unpaired surrogates) and what breaks readers (depth, huge integers, U+0000). Source: RFC 8259,
narrowed in the spirit of RFC 7493 (I-JSON).
"""

import json
import math
import re
from typing import Any

MAX_DEPTH = 64
MAX_DIGITS = 100
"""Of an integer, and of a number's whole text."""

# A string without an end matches too: else a search would start again at each of its quotes.
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


class InvalidJson(ValueError):
    """The bytes are not strict JSON; the message says what and where."""


def parse(data: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Parse one strict JSON document.

    Raises InvalidJson; never RecursionError, and never takes more than linear time.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        raise InvalidJson("begins with a byte order mark")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJson(f"not UTF-8 at byte {error.start}") from error
    _check_depth(data, max_depth)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        raise InvalidJson(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    if "\\u" in text or "\x00" in text:
        _check_strings(value)
    return value


def _check_depth(data: bytes, max_depth: int) -> None:
    depth = 0
    for found in _STRUCTURE.finditer(data):
        token = found.group()
        if token in b"[{":
            depth += 1
            if depth > max_depth:
                raise InvalidJson(f"nested deeper than {max_depth} levels at byte {found.start()}")
        elif token in b"]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidJson(f"the key {key[:100]!r} appears twice in one object")
            seen.add(key)
    return value


def _constant(text: str) -> Any:
    raise InvalidJson(f"{text} is not a JSON number")


def _float(text: str) -> float:
    if len(text) > MAX_DIGITS:
        raise InvalidJson(f"a number of {len(text)} characters; at most {MAX_DIGITS}")
    value = float(text)
    if not math.isfinite(value):
        raise InvalidJson(f"the number {text} is beyond a double's range")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise InvalidJson(f"an integer of {len(text)} digits; at most {MAX_DIGITS}")
    return int(text)


def _check_strings(root: Any) -> None:
    stack = [root]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            if "\x00" in value:
                raise InvalidJson("a string holds U+0000")
            try:
                value.encode("utf-8")
            except UnicodeEncodeError as error:
                raise InvalidJson("a string holds an unpaired surrogate") from error
        elif isinstance(value, dict):
            stack.extend(value)
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
