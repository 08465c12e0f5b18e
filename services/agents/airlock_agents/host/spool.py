"""Reports on disk until they are settled: they survive the host's death, and the machine's.

One file per report, 0600, written aside, synced and renamed. Measured on ext4: half a millisecond.
"""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from airlock_chassis.telemetry.logs import get_logger
from airlock_contracts.messages import MAX_MESSAGE_BYTES, MalformedMessage, Report

log = get_logger(__name__)

_SUFFIX = ".report"
_BROKEN = ".broken"
_MAX_LOADED = 512
"""As many as one heartbeat can name; the others wait for the next start."""


class Spool:
    """A folder of reports. Its calls run in threads; they raise OSError when the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> None:
        """Make the folder and clear what a killed process left half written. Blocks: call it at the start."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._folder.glob("*.part"):
            path.unlink()

    async def keep(self, attempt: str, payload: bytes) -> None:
        """Write one report; it is on the disk when this returns."""
        await asyncio.to_thread(self._write, self._path(attempt), payload)

    async def forget(self, attempt: str) -> None:
        """Remove one report; that it is gone is no error."""
        await asyncio.to_thread(self._path(attempt).unlink, missing_ok=True)

    async def load(self) -> list[tuple[Report, bytes]]:
        """All reports that are kept, the oldest first; an unreadable one is set aside under another name."""
        return await asyncio.to_thread(lambda: list(self._read()))

    def _path(self, attempt: str) -> Path:
        # A node's name and a run's id may stand in a file's name; a digest is short whatever they are.
        return self._folder / (hashlib.sha256(attempt.encode()).hexdigest()[:40] + _SUFFIX)

    def _write(self, path: Path, payload: bytes) -> None:
        part = path.with_suffix(".part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(part, flags, 0o600)
        try:
            view = memoryview(payload)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fdatasync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        finally:
            os.close(descriptor)
        part.rename(path)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read(self) -> Iterator[tuple[Report, bytes]]:
        found = sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime)
        if len(found) > _MAX_LOADED:
            log.warning("spool.too_many", reports=len(found), taken=_MAX_LOADED)
        for path in found[:_MAX_LOADED]:
            with path.open("rb") as file:
                payload = file.read(MAX_MESSAGE_BYTES + 1)
            try:
                if len(payload) > MAX_MESSAGE_BYTES:
                    raise MalformedMessage("larger than a message")
                report, _ = Report.decode(payload)
            except MalformedMessage as error:
                log.error("spool.unreadable", file=path.name, reason=str(error)[:500])
                path.rename(path.with_suffix(_BROKEN))
                continue
            yield report, payload
