"""Fields of an agent's log line as they may be shown: masked, and bounded in names and in bytes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from airlock_chassis.telemetry.secrets import mask
from airlock_contracts.logs import MAX_FIELDS_BYTES

MAX_NAMES = 32
"""Of one line, with those inside of others: where lines are stored each becomes an entry of its own, and a
line with more of them than the store takes is refused whole (Loki takes 128, the line's ids among them).
"""
OMITTED = "omitted"
"""The field that says what was left out."""
_OMITTED_SIZE = 64
"""About, of that field alone."""


class ShownFields(NamedTuple):
    """What may be shown, and its bytes as JSON."""

    fields: dict[str, Any] | None
    size: int


def shown_fields(given: Mapping[str, Any]) -> ShownFields:
    """Mask and bound them: what is too much is left out, and that is said. Pure."""
    if not given:
        return ShownFields(None, 0)
    shown = {key: mask(key, value) for key, value in _first(given).items()}
    if len(shown) < len(given):
        shown[OMITTED] = f"{len(given) - len(shown)} fields: a line has at most {MAX_NAMES} names"
    try:
        size = len(orjson.dumps(shown))
    except TypeError:  # an integer beyond 64 bits
        return ShownFields({OMITTED: "fields that are no plain JSON"}, _OMITTED_SIZE)
    if size > MAX_FIELDS_BYTES:
        return ShownFields({OMITTED: f"{size} bytes of fields"}, _OMITTED_SIZE)
    return ShownFields(shown, size)


def _first(given: Mapping[str, Any]) -> dict[str, Any]:
    """The first fields, as many as have no more names together than a line may have."""
    names, kept = 0, {}
    for key, value in given.items():
        names += _names(value)
        if names > MAX_NAMES:
            break
        kept[key] = value
    return kept


def _names(value: Any) -> int:
    """How many entries a field becomes: one, or those of what it holds by name."""
    return max(1, sum(map(_names, value.values()))) if isinstance(value, Mapping) else 1
