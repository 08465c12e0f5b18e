"""Where the time of one attempt goes, and what the kernel counted, seen from outside the sandbox."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ..sandbox.attach import Channel
from ..sandbox.cgroup import Counted
from ..sandbox.docker import Containers
from ..sandbox.policy import ContainerPolicy

_LOOK_SECONDS = 0.02


@dataclass
class Timing:
    """One attempt's times in milliseconds; `counted` is what was seen last while it lived."""

    create_ms: float = 0.0
    attach_ms: float = 0.0
    start_ms: float = 0.0
    counted: Counted = field(default_factory=Counted)


class TimedContainers(Containers):
    """Containers that note how long the engine takes, and look at the one they made while it lives."""

    timing: Timing
    _watched: str = ""

    async def create(self, policy: ContainerPolicy) -> str:
        """Create a container and note the time."""
        began = time.monotonic()
        self._watched = await super().create(policy)
        self.timing.create_ms = _since(began)
        return self._watched

    async def attach(self, container: str) -> Channel:
        """Attach to it and note the time."""
        began = time.monotonic()
        channel = await super().attach(container)
        self.timing.attach_ms = _since(began)
        return channel

    async def start(self, container: str) -> None:
        """Start it and note the time."""
        began = time.monotonic()
        await super().start(container)
        self.timing.start_ms = _since(began)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look at processor and memory until the block ends: a program of stdio takes its counts with it."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        while True:
            if (counted := await self.counted(self._watched)) is not None and counted.cpu_ms is not None:
                self.timing.counted = counted
            await asyncio.sleep(_LOOK_SECONDS)


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000
