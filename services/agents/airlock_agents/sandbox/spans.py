"""Spans that an agent tells of its own work: read, bounded and made safe to show. Pure."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from .neutral import neutral

MAX_SPANS = 256
"""Of one attempt; what comes after is dropped and counted."""
MAX_NAMES_BYTES = 32 * 1024
MAX_ATTRIBUTES_BYTES = 96 * 1024
"""Of all spans of an attempt, in UTF-8, a number as eight: a collector takes a few MiB at once, and throws
away everybody's spans with those that are more. Two bounds, because the span around all others comes last: it
may lose its attributes to theirs, not its place.
"""
MAX_NAME_CHARACTERS = 128
MAX_ATTRIBUTES = 16
MAX_KEY_CHARACTERS = 64
MAX_VALUE_CHARACTERS = 256
RESERVED = "airlock."
"""Attributes that begin so are the host's to give: no agent says who it is."""

_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)

_NUMBER_BYTES = 8
_MOST_DROPPED = 2**31
"""As far as we count; an agent may say any number."""

Plain = bool | int | float | str


@dataclass(frozen=True, slots=True)
class AgentSpan:
    """What an agent says that it did: its words, its ids and its times, none of them to be believed."""

    id: str
    """Sixteen hexadecimal digits; another one's, for all we know."""
    parent: str | None
    """Such an id, of a span that may come later or never; None for none that could be read."""
    name: str
    start: datetime
    end: datetime
    failed: bool
    attributes: Mapping[str, Plain]
    left_out: int = 0
    """How many attributes more it had than its attempt may have."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Spans of which nothing is kept but their number."""

    count: int = 1


@dataclass
class SpanReader:
    """Reads the frames of one attempt, up to its bounds."""

    _spans: int = MAX_SPANS
    _names: int = MAX_NAMES_BYTES
    _attributes: int = MAX_ATTRIBUTES_BYTES
    """What it may still tell of each."""

    def read(self, fields: Mapping[str, Any]) -> AgentSpan | Dropped:
        """A span; or how many a frame stands for that is none, is beyond the bounds, or says that the agent
        left some out itself.
        """
        span = read_span(fields) if self._spans else None
        if span is None:
            return Dropped(_count(fields.get("dropped")))
        size = len(span.name.encode())
        if size > self._names:
            return Dropped()
        self._spans -= 1
        self._names -= size
        kept = dict(self._those_that_fit(span.attributes))
        return replace(span, attributes=kept, left_out=len(span.attributes) - len(kept))

    def _those_that_fit(self, attributes: Mapping[str, Plain]) -> Iterator[tuple[str, Plain]]:
        for key, value in attributes.items():
            size = len(key.encode()) + (len(value.encode()) if isinstance(value, str) else _NUMBER_BYTES)
            if size <= self._attributes:
                self._attributes -= size
                yield key, value


def read_span(fields: Mapping[str, Any]) -> AgentSpan | None:
    """Read a frame's fields; None for one without a name, an id or times that can be read."""
    id_, parent = _id(fields.get("id")), _id(fields.get("parent"))
    name = _line(fields.get("name"), MAX_NAME_CHARACTERS)
    start, end = _time(fields.get("start")), _time(fields.get("end"))
    if id_ is None or start is None or end is None or not name:
        return None
    failed = fields.get("status") == "error"
    return AgentSpan(id_, parent, name, start, end, failed, _attributes(fields.get("attributes")))


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _count(value: Any) -> int:
    said = isinstance(value, int) and not isinstance(value, bool)
    return min(max(1, value), _MOST_DROPPED) if said else 1


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:  # the thirtieth of February
        return None


def _attributes(value: Any) -> dict[str, Plain]:
    """The first so many, without what is no text, number or boolean, or not the agent's to say."""
    if not isinstance(value, dict):
        return {}
    shown: dict[str, Plain] = {}
    for given, one in islice(value.items(), MAX_ATTRIBUTES):
        key, plain = _line(given, MAX_KEY_CHARACTERS), _plain(one)
        if key and plain is not None and not key.startswith(RESERVED):
            shown[key] = plain
    return shown


def _plain(value: Any) -> Plain | None:
    match value:
        case bool():
            return value
        case int() if -(2**63) <= value < 2**63:  # what a trace can carry
            return value
        case float() if math.isfinite(value):
            return value
        case str():
            return neutral(value, MAX_VALUE_CHARACTERS)
        case _:
            return None


def _line(value: Any, limit: int) -> str:
    """A text on one line, safe to show; nothing for what is no text."""
    return " ".join(neutral(value, limit).split()) if isinstance(value, str) else ""
