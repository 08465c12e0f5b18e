"""Read an agent's answer as strictly as a host reads it: what two readers could take differently is refused.

Source: airlock_contracts.strict_json, which a host uses; this one needs nothing beyond the standard library.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 64
MAX_DIGITS = 100  # of a number's whole text
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"


def read_answer(data: bytes) -> Any:
    """Answer the one JSON document that the bytes are. Raises ValueError with what is wrong."""
    if data.startswith(b"\xef\xbb\xbf"):
        raise ValueError("begins with a byte order mark")
    text = data.decode("utf-8")  # UnicodeDecodeError is a ValueError
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, one in pairs:
        if key in value:
            raise ValueError(f"the key {key[:100]!r} appears twice in one object")
        value[key] = one
    return value


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


def _float(text: str) -> float:
    value = float(text) if len(text) <= MAX_DIGITS else math.inf
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:MAX_DIGITS]} is too long, or beyond a double's range")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(text)} digits; at most {MAX_DIGITS}")
    return int(text)


def _check(root: Any) -> None:
    """Refuse depth, and strings that not every reader takes."""
    stack = [(root, 1)]
    while stack:
        value, depth = stack.pop()
        if isinstance(value, str):
            _check_string(value)
        elif isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                raise ValueError(_TOO_DEEP)
            inner = [*value, *value.values()] if isinstance(value, dict) else value
            stack += [(one, depth + 1) for one in inner]


def _check_string(value: str) -> None:
    if "\0" in value:
        raise ValueError("a string holds U+0000")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("a string holds an unpaired surrogate") from error
