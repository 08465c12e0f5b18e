"""What was counted about one sandbox, as far as it was seen: an agent that ends takes its counts with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from .cgroup import Counted

_FIRST_LOOK_SECONDS = 0.02
_LAST_LOOK_SECONDS = 0.5
"""An agent that goes on is looked at seldom: a look costs a thread some microseconds."""


class Counts:
    """The counts of one container. Where this machine does not show them, there are none."""

    def __init__(self, read: Callable[[], Awaitable[Counted | None]]) -> None:
        """`read` reads them while the container lives."""
        self._read = read
        self.last = Counted()
        """As they were seen last."""

    async def look(self) -> Counted | None:
        """Look now; None where nothing is to be seen any more, or at all."""
        counted = await self._read()
        if counted is not None and counted.cpu_ms is not None:
            self.last = counted
        return counted

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look until the block ends: soon at first, then seldom."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _watch(self) -> None:
        pause = _FIRST_LOOK_SECONDS
        while True:
            await self.look()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK_SECONDS)
