"""The host's gauges, read every so often: slots, memory, sandboxes, reports, NATS."""

import asyncio
from collections.abc import Callable

from airlock_chassis.telemetry import metrics
from airlock_chassis.waiting import set_within

from .capacity import Memory
from .holdings import Holdings

EVERY_SECONDS = 2.0
_MIB = 1024 * 1024


class Gauges:
    """What /metrics shows of one host."""

    def __init__(
        self,
        *,
        slots: int,
        memory: Memory,
        holdings: Holdings,
        sandboxes: Callable[[], int],
        nats: Callable[[], bool],
    ) -> None:
        """`sandboxes` counts those that are open, `nats` tells whether it is connected."""
        self._memory = memory
        self._holdings = holdings
        self._sandboxes = sandboxes
        self._nats = nats
        metrics.host_slots.set(slots)

    async def run(self, stop: asyncio.Event) -> None:
        """Read them until `stop` is set."""
        while True:
            self.read()
            if await set_within(stop, EVERY_SECONDS):
                return

    def read(self) -> None:
        """Read them once."""
        used = self._memory.used_mb * _MIB
        metrics.host_slots_busy.set(len(self._holdings.running))
        metrics.host_memory_bytes.labels("used").set(used)
        metrics.host_memory_bytes.labels("free").set(self._memory.budget_mb * _MIB - used)
        metrics.reports_waiting.set(len(self._holdings.reports))
        metrics.sandboxes_open.set(self._sandboxes())
        metrics.nats_up.set(self._nats())
