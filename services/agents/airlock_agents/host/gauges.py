"""The host's gauges, read every so often: slots, memory, sandboxes, reports, disk, NATS."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from airlock_chassis.telemetry import metrics
from airlock_chassis.waiting import set_within

from .capacity import Memory
from .holdings import Holdings

EVERY_SECONDS = 2.0
_MIB = 1024 * 1024
DATA = "data"
"""The data folder, as the label says it: no path is shown."""


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
        folder: Path,
    ) -> None:
        """`sandboxes` counts those that are open, `nats` tells whether it is connected."""
        self._memory = memory
        self._holdings = holdings
        self._sandboxes = sandboxes
        self._nats = nats
        self._folder = folder
        metrics.host_slots.set(slots)

    async def run(self, stop: asyncio.Event) -> None:
        """Read them until `stop` is set."""
        while True:
            await self.read()
            if await set_within(stop, EVERY_SECONDS):
                return

    async def read(self) -> None:
        """Read them once."""
        used = self._memory.used_mb * _MIB
        metrics.host_slots_busy.set(len(self._holdings.running))
        metrics.host_memory_bytes.labels("used").set(used)
        metrics.host_memory_bytes.labels("free").set(self._memory.budget_mb * _MIB - used)
        metrics.reports_waiting.set(len(self._holdings.reports))
        metrics.sandboxes_open.set(self._sandboxes())
        metrics.nats_up.set(self._nats())
        disk = await asyncio.to_thread(os.statvfs, self._folder)
        metrics.disk_free_bytes.labels(DATA).set(disk.f_bavail * disk.f_frsize)
        metrics.disk_size_bytes.labels(DATA).set(disk.f_blocks * disk.f_frsize)
