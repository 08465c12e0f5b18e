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
        return len(set().union(*self._listeners.values()))

    def ring(self, runs: Iterable[str]) -> None:
        """Wake all who follow these runs."""
        for run in runs:
            for event in self._listeners.get(run, ()):
                event.set()

    def ring_logs(self, runs: Iterable[str]) -> None:
        """Wake all who follow what the agents of these runs say."""
        self.ring(map(_logs, runs))

    def close(self) -> None:
        """Wake everyone, for the last time."""
        self._closed = True
        self.ring(list(self._listeners))

    @contextmanager
    def listen(self, run: str, *, logs: bool = False) -> Iterator[asyncio.Event]:
        """An event that is set when there may be news of a run, or its logs; clear it before looking."""
        event = asyncio.Event()
        names = (run, _logs(run)) if logs else (run,)
        for name in names:
            self._listeners.setdefault(name, set()).add(event)
        try:
            yield event
        finally:
            for name in names:
                remaining = self._listeners[name]
                remaining.discard(event)
                if not remaining:
                    del self._listeners[name]


def _logs(run: str) -> str:
    return f"{run}/logs"
