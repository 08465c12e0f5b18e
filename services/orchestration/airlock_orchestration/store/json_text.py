"""JSON and text on their way into Postgres, which refuses what Python takes: U+0000, lone surrogates.

What is cleaned here is only for people to read (failures, log tails, notes). Context, inputs and outputs
are kept as bytes and never pass through.
"""

import json
import math
from typing import Any

import orjson

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean_text(text: str) -> str:
    """Replace what Postgres refuses in text."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\x00", _REPLACEMENT)


def to_jsonb(value: Any) -> str:
    """Write a value as JSON that a jsonb column takes."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # a lone surrogate, or an integer beyond 64 bits
        return json.dumps(_clean(value), ensure_ascii=False)
    return text if "\\u0000" not in text else json.dumps(_clean(value), ensure_ascii=False)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): _clean(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(child) for child in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # as orjson does
    return value
