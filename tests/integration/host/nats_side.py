"""One side of NATS that a test plays: its subjects, streams, publisher, and one consumer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from airlock_chassis.bus import (
    AckTable,
    Bus,
    Consumer,
    ConsumerSpec,
    DeadLetters,
    EachMessage,
    Layout,
    Message,
    Publisher,
    Streams,
)
from airlock_contracts.subjects import Subjects


class NatsSide:
    """Speaks and listens under the prefix of one install."""

    def __init__(self, bus: Bus, prefix: str) -> None:
        self.bus = bus
        self.subjects = Subjects(prefix)
        self.layout = Layout(self.subjects)
        self.streams = Streams(bus, self.layout.streams)
        self.publisher = Publisher(bus, self.streams)
        self._stop = asyncio.Event()
        self._consuming: asyncio.Task[None] | None = None

    async def consume(self, spec: ConsumerSpec, handle: Callable[[Message], Awaitable[None]]) -> None:
        """Hand every message of a consumer over, until `stop_consuming`."""
        await self.streams.declare(spec)
        acks = AckTable(DeadLetters(self.publisher, self.subjects))
        consumer = Consumer(self.bus, self.streams, spec, EachMessage(handle), acks)
        self._consuming = asyncio.create_task(consumer.run(self._stop))

    async def stop_consuming(self) -> None:
        """Take no more; what was taken is done."""
        self._stop.set()
        if self._consuming is not None:
            await self._consuming
