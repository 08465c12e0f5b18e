"""Where the time of one attempt goes, seen from outside the sandbox."""

import time
from dataclasses import dataclass

from ..sandbox.attach import Channel
from ..sandbox.docker import Containers
from ..sandbox.policy import ContainerPolicy


@dataclass
class Timing:
    """One attempt's times in milliseconds."""

    create_ms: float = 0.0
    attach_ms: float = 0.0
    start_ms: float = 0.0


class TimedContainers(Containers):
    """Containers that note how long the engine takes."""

    timing: Timing

    async def create(self, policy: ContainerPolicy) -> str:
        """Create a container and note the time."""
        began = time.monotonic()
        container = await super().create(policy)
        self.timing.create_ms = _since(began)
        return container

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


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000
