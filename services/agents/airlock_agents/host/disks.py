"""The disks that this host needs: its data folder's, and its engine's where that is another one.

Without room a report is only in memory, an artifact cannot be kept and a sandbox does not start. So a host
that is short of it takes no work until there is room again, and says so; another host may have room.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.logs import get_logger
from airlock_chassis.waiting import set_within

log = get_logger(__name__)

EVERY_SECONDS = 2.0
AGAIN = 1.25
"""Times the reserve: what there must be before a host that was short takes work again."""
DATA, ENGINE = "data", "engine"
"""The folders, as labels say them: no path is shown."""
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Room:
    """How large a disk is, and how much of it is free for us."""

    size_bytes: int
    free_bytes: int


def room_at(folder: Path) -> Room:
    """Measure the disk of a folder. Raises OSError. Blocks."""
    found = os.statvfs(folder)
    return Room(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


class Disks:
    """Watches them; `short` says which ones have no room."""

    def __init__(
        self,
        data: Path,
        engine: Path | None,
        *,
        reserve_mb: int,
        measure: Callable[[Path], Room] = room_at,
    ) -> None:
        self._data = data
        self._engine = engine
        self._folders = {DATA: data}
        self._reserve = reserve_mb * _MIB
        self._measure = measure
        self.short: dict[str, str] = {}
        """What is wrong with each disk that has no room, for people."""

    async def open(self) -> None:
        """Find out which disks there are, and measure them."""
        if self._engine is not None and await asyncio.to_thread(_is_apart, self._engine, self._data):
            self._folders[ENGINE] = self._engine
        await self.look()

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set."""
        while not await set_within(stop, EVERY_SECONDS):
            await self.look()

    async def look(self) -> None:
        """Measure each once. One that cannot be measured cannot be written to either."""
        for name, folder in self._folders.items():
            try:
                room = await asyncio.to_thread(self._measure, folder)
            except OSError as error:
                metrics.disk_free_bytes.labels(name).set(0)
                self._tell(name, str(error))
                continue
            metrics.disk_free_bytes.labels(name).set(room.free_bytes)
            metrics.disk_size_bytes.labels(name).set(room.size_bytes)
            wanted = self._reserve * (AGAIN if name in self.short else 1)
            enough = room.free_bytes >= wanted
            self._tell(name, None if enough else f"{room.free_bytes // _MIB} MiB free of {wanted / _MIB:.0f}")

    def check(self) -> str:
        """For the health check: a word where there is room. Raises OSError that names each without."""
        if self.short:
            problems = ", ".join(f"{name}: {problem}" for name, problem in self.short.items())
            raise OSError(f"{problems}; nothing is pulled meanwhile")
        return "enough room"

    def _tell(self, name: str, problem: str | None) -> None:
        if problem is None:
            if self.short.pop(name, None) is not None:
                log.info("disk.enough", folder=name)
        else:
            if name not in self.short:
                log.warning("disk.short", folder=name, reason=problem, hint="no work is taken meanwhile")
            self.short[name] = problem


def _is_apart(folder: Path, other: Path) -> bool:
    """Whether a folder can be seen from here, and lies on another disk."""
    try:
        return folder.stat().st_dev != other.stat().st_dev
    except OSError:  # the engine's, seen from a container, or beside a virtual machine
        return False
