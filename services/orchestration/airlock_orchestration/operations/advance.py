"""The one door: every change to a run goes through it.

Signals collect while one commit is in flight; the next transaction carries them all. No timer and no
polling: one signal alone pays one commit, a hundred share one. What is owed to the outside is handed
over after the commit.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from ..engine.plan import Plan
from ..engine.signals import RunStarted, Signal
from ..engine.state import RunState
from ..errors import StoreUnavailable
from ..store.door.changes import RunCreation
from .batches import MAX_BYTES, Batches, RunStore
from .clock import PostgresClock
from .entries import Advanced, Committed, Entry
from .remembered import Remembered

MAX_SIGNALS = 256
MAX_WAITING = 20_000
"""Signals in the queue; beyond it callers are told to come back."""


class Door:
    """Serialises all changes to runs of this replica into batches; replicas meet by version."""

    def __init__(
        self,
        store: RunStore,
        clock: PostgresClock,
        after: Callable[[Sequence[Committed]], None],
        on_commit: Callable[[int], None] = lambda signals: None,
    ) -> None:
        self._store = store
        self._remembered = Remembered()
        self._batches = Batches(store, clock, self._remembered, after, on_commit)
        self._waiting: deque[Entry] = deque()
        self._arrived = asyncio.Event()
        self._closing = False

    async def advance(self, signal: Signal) -> Advanced:
        """Apply a signal and answer once it is committed.

        Raises StoreUnavailable when Postgres cannot be asked; then nothing, or the signal, was applied.
        """
        return await self._enter(Entry(signal, asyncio.get_running_loop().create_future()))

    async def start(self, creation: RunCreation, signal: RunStarted, plan: Plan) -> Advanced | None:
        """Create a run. Answers None where its trigger key is taken. Raises StoreUnavailable."""
        future: asyncio.Future[Advanced] = asyncio.get_running_loop().create_future()
        advanced = await self._enter(Entry(signal, future, creation, plan))
        return None if advanced.run is None else advanced

    async def peek(self, run: str) -> RunState | None:
        """Answer a run's state as remembered, or read it. It may be old. Raises StoreUnavailable."""
        if (known := self._remembered.get(run)) is not None:
            return known
        found = (await self._store.load([run])).get(run)
        if found is not None and self._remembered.get(run) is None:
            self._remembered.put(found)  # a signal about it follows, as a rule
        return found

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set and what waits is committed."""
        serving = asyncio.create_task(self.serve())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self.close()
            await serving
        finally:
            stopping.cancel()
            serving.cancel()

    async def serve(self) -> None:
        """Commit batches until `close` was called and nothing waits."""
        try:
            while not (self._closing and not self._waiting):
                await self._arrived.wait()
                self._arrived.clear()
                while batch := self._take():
                    await self._batches.commit(batch)
        finally:
            self._closing = True
            while self._waiting:
                self._waiting.popleft().refuse(StoreUnavailable("the door has closed"))

    def close(self) -> None:
        """Take no more signals; `serve` returns when those that wait are committed."""
        self._closing = True
        self._arrived.set()

    async def _enter(self, entry: Entry) -> Advanced:
        if self._closing:
            raise StoreUnavailable("this replica is shutting down")
        if len(self._waiting) >= MAX_WAITING:
            raise StoreUnavailable(f"{MAX_WAITING} signals wait already")
        self._waiting.append(entry)
        self._arrived.set()
        return await entry.done

    def _take(self) -> list[Entry]:
        batch: list[Entry] = []
        size = 0
        while self._waiting and len(batch) < MAX_SIGNALS:
            size += self._waiting[0].size
            if batch and size > MAX_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch
