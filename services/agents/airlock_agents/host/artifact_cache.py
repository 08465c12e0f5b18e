"""Artifacts on this host's disk: fetched once, checked against their digest, bounded."""

import asyncio
import contextlib
import hashlib
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from airlock_contracts.artifacts import CHUNK_BYTES, ArtifactRef

Fetch = Callable[[ArtifactRef], AsyncIterator[bytes]]


class ArtifactBroken(Exception):
    """The bytes that came are not those that the reference names."""


class ArtifactCache:
    """Files named by their sha256. What is pinned stays; else what was used longest ago goes first."""

    def __init__(self, folder: Path, fetch: Fetch, *, max_bytes: int) -> None:
        self._folder = folder
        self._fetch = fetch
        self._max_bytes = max_bytes
        self._pins: Counter[str] = Counter()
        self._locks: dict[str, asyncio.Lock] = {}

    def open(self) -> None:
        """Make the folder and clear what a killed process left half written. Blocks: call it at the start."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._folder.glob("*.part"):
            path.unlink()

    @asynccontextmanager
    async def pinned(self, refs: Iterable[ArtifactRef]) -> AsyncIterator[None]:
        """Have these on the disk, and keep them there meanwhile.

        Raises ArtifactBroken, what `fetch` raises, and OSError when the disk refuses.
        """
        wanted = {ref.sha256: ref for ref in refs}
        self._pins.update(wanted.keys())
        try:
            for ref in wanted.values():
                await self._have(ref)
            yield
        finally:
            self._pins.subtract(wanted.keys())
            self._pins = +self._pins

    async def read(self, ref: ArtifactRef) -> AsyncIterator[bytes]:
        """An artifact's bytes in pieces; it must be pinned."""
        async for piece in read_file(self._folder / ref.sha256):
            yield piece

    def scratch_path(self) -> Path:
        """A place for bytes whose digest is not known yet; the caller removes it, or has it adopted."""
        return self._folder / f"{secrets.token_hex(8)}.part"

    async def adopt(self, path: Path, ref: ArtifactRef) -> None:
        """Keep a file whose bytes were just hashed: the next node's input, likely."""
        await asyncio.to_thread(path.replace, self._folder / ref.sha256)
        await self._make_room(0)

    async def _have(self, ref: ArtifactRef) -> None:
        lock = self._locks.setdefault(ref.sha256, asyncio.Lock())
        async with lock:
            try:
                path = self._folder / ref.sha256
                if not await asyncio.to_thread(_use, path, ref.size):
                    await self._make_room(ref.size)
                    await self._download(ref, path)
            finally:
                self._locks.pop(ref.sha256, None)

    async def _download(self, ref: ArtifactRef, path: Path) -> None:
        part = self.scratch_path()
        try:
            sha256, size = await write_file(part, self._fetch(ref), limit=ref.size)
            if sha256 != ref.sha256 or size != ref.size:
                raise ArtifactBroken(f"{ref.artifact} of {ref.size} bytes came as {size} bytes of {sha256}")
            await asyncio.to_thread(part.replace, path)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)

    async def _make_room(self, wanted: int) -> None:
        keep = frozenset(self._pins)
        await asyncio.to_thread(_evict, self._folder, self._max_bytes - wanted, keep)


async def write_file(path: Path, chunks: AsyncIterator[bytes], *, limit: int) -> tuple[str, int]:
    """Write chunks to a new file, 0600; answers their sha256 and size.

    Raises ArtifactBroken for more than `limit` bytes, OSError, and what the chunks raise.
    """
    digest, size = hashlib.sha256(), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = await asyncio.to_thread(os.open, path, flags, 0o600)

    def add(chunk: bytes) -> None:
        digest.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]

    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise ArtifactBroken(f"more than {limit} bytes")
            await asyncio.to_thread(add, chunk)
    finally:
        await asyncio.to_thread(os.close, descriptor)
    return digest.hexdigest(), size


async def read_file(path: Path) -> AsyncIterator[bytes]:
    """A file's bytes in pieces of 1 MiB."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        await asyncio.to_thread(file.close)


def _use(path: Path, size: int) -> bool:
    """Whether the file is there; it counts as used now. A file of another size is no longer what it was."""
    try:
        if path.stat().st_size != size:
            path.unlink()
            return False
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _evict(folder: Path, max_bytes: int, keep: frozenset[str]) -> None:
    found = sorted(_files(folder), key=lambda one: one[0])
    total = sum(size for _, size, _ in found)
    for _, size, path in found:
        if total <= max_bytes:
            return
        if path.suffix != ".part" and path.name not in keep:
            path.unlink(missing_ok=True)
            total -= size


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When each was used last, its size and path; what another thread removes meanwhile is left out."""
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):
            status = entry.stat()
            yield status.st_mtime, status.st_size, Path(entry.path)
