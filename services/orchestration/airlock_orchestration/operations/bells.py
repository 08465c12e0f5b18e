"""Bells: in this process, who follows a run is told to look when there may be new journal rows of it.

A bell carries nothing and may get lost. The journal is the truth: whoever listens also looks now and then.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Bells:
    """Wakes those who follow runs."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[asyncio.Event]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether this process ends: followers should come back to another replica."""
        return self._closed

    @property
    def listeners(self) -> int:
        """How many follow a run right now."""
        return sum(len(events) for events in self._listeners.values())

    def ring(self, runs: Iterable[str]) -> None:
        """Wake all who follow these runs."""
        for run in runs:
            for event in self._listeners.get(run, ()):
                event.set()

    def close(self) -> None:
        """Wake everyone, for the last time."""
        self._closed = True
        self.ring(list(self._listeners))

    @contextmanager
    def listen(self, run: str) -> Iterator[asyncio.Event]:
        """An event that is set when there may be news of a run; clear it before looking."""
        event = asyncio.Event()
        self._listeners.setdefault(run, set()).add(event)
        try:
            yield event
        finally:
            remaining = self._listeners[run]
            remaining.discard(event)
            if not remaining:
                del self._listeners[run]
