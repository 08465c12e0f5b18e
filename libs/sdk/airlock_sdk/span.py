"""Spans of an agent's own: what it did and for how long, for whoever looks at its run's trace."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

from airlock_sdk.failure import Failure, text_of
from airlock_sdk.frames import FrameWriter

MAX_SPANS = 256  # of an attempt; the host takes no more
MAX_NAME = 128  # characters
MAX_ATTRIBUTES = 16
MAX_KEY = 64  # characters; 16 keys and values of whatever characters fit into a header line
MAX_TEXT = 256  # characters of an attribute's value

_inside: ContextVar[str | None] = ContextVar("airlock_span", default=None)


class Span:
    """One thing that an agent does, while it does it."""

    def __init__(self, name: str, attributes: Mapping[str, Any], started_at: datetime) -> None:
        self.id = os.urandom(8).hex()
        self.name = text_of(name, MAX_NAME)
        self.started_at = started_at
        self._error: str | None = None
        self._parent = _inside.get()
        self._attributes: dict[str, bool | int | float | str] = {}
        self.set(**attributes)

    def set(self, /, **attributes: Any) -> None:
        """Say more about it: texts, numbers and booleans; anything else by its text. No secrets.

        A name with dots is given as `set(**{"gen_ai.usage.input_tokens": 12})`. Beyond 16 attributes, the new
        ones are left out.
        """
        for key, value in attributes.items():
            known = text_of(key, MAX_KEY)
            if known in self._attributes or len(self._attributes) < MAX_ATTRIBUTES:
                self._attributes[known] = _plain(value)

    def fail(self, reason: str) -> None:
        """Mark it as failed, for a reason that is one of few: `timeout`, the name of an error."""
        self._error = text_of(reason, MAX_TEXT)

    def frame(self, ended_at: datetime) -> dict[str, Any]:
        """Spell its frame."""
        why = {} if self._error is None else {"error.type": self._error}
        return {
            "type": "span",
            "name": self.name,
            "id": self.id,
            "parent": self._parent,
            "start": _spelled(self.started_at),
            "end": _spelled(ended_at),
            "status": "ok" if self._error is None else "error",
            "attributes": dict(list({**why, **self._attributes}.items())[:MAX_ATTRIBUTES]),
        }


class Spans:
    """The spans of one attempt. They are for people: where nobody takes them, nothing is sent."""

    def __init__(self, writer: FrameWriter, *, taken: bool) -> None:
        self._writer = writer
        self._taken = taken
        self._began = datetime.now(UTC), time.monotonic()
        self._counting = threading.Lock()
        self._begun = 0

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Any]) -> Iterator[Span]:
        """Run a block as a span, inside the one that is open here. An exception makes it an error."""
        span = Span(name, attributes, self._now())
        # Its place is taken now, not when it is over: else the first to lose theirs would be those around.
        with self._counting:
            self._begun += 1
            has_place = self._taken and self._begun <= MAX_SPANS
        token = _inside.set(span.id)
        try:
            yield span
        except BaseException as error:
            span.fail(error.code if isinstance(error, Failure) else type(error).__name__)
            raise
        finally:
            _inside.reset(token)
            if has_place and not self._writer.broken:  # it would hide what broke the stream
                self._writer.send(span.frame(self._now()))

    def close(self) -> None:
        """Say how many were left out, if any were; none are begun after it."""
        if self._taken and self._begun > MAX_SPANS and not self._writer.broken:
            self._writer.send({"type": "span", "dropped": self._begun - MAX_SPANS})

    def _now(self) -> datetime:
        """The time, by one clock that cannot jump, for all spans of the attempt: they nest in time too."""
        at, began = self._began
        return at + timedelta(seconds=time.monotonic() - began)


def _plain(value: Any) -> bool | int | float | str:
    if isinstance(value, bool) or (isinstance(value, int) and -(2**63) <= value < 2**63):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return text_of(value, MAX_TEXT)


def _spelled(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
