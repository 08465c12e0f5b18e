"""Bytes between files and the network, piece by piece: never held whole, hashed on the way."""

import asyncio
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from .errors import UnexpectedAnswer

CHUNK_BYTES = 1024 * 1024
_STREAMS = (Path("/dev/stdout"), Path("/dev/stderr"))


def digest_of(path: Path) -> tuple[str, int]:
    """The sha256 of a file, in hexadecimal, and its size in bytes. Blocks. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()


async def pieces(path: Path) -> AsyncIterator[bytes]:
    """A file's bytes in pieces of at most CHUNK_BYTES. Raises OSError."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield piece
    finally:
        await asyncio.to_thread(file.close)


async def save(chunks: AsyncIterator[bytes], path: Path, sha256: str) -> int:
    """Write chunks to a file if they have this digest, whole or not at all; answers the size in bytes.

    A link stays: what it leads to is replaced. What is no regular file (a pipe, a device, /dev/stdout) is
    written into. Raises UnexpectedAnswer for another digest, OSError, and what the chunks raise.
    """
    replaced = await asyncio.to_thread(_replaceable, path)
    part = await asyncio.to_thread(_part_of, replaced)
    seen, size = hashlib.sha256(), 0
    try:
        file = await asyncio.to_thread(part.open, "wb")
        try:
            async for chunk in chunks:
                seen.update(chunk)
                size += len(chunk)
                await asyncio.to_thread(file.write, chunk)
        finally:
            await asyncio.to_thread(file.close)
        if seen.hexdigest() != sha256:
            raise UnexpectedAnswer(f"what came for sha256:{sha256} has the digest {seen.hexdigest()}")
        if replaced is not None:
            await asyncio.to_thread(part.replace, replaced)
        else:
            await asyncio.to_thread(_pour, part, path)
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    return size


def _replaceable(path: Path) -> Path | None:
    """The file itself, behind links, that another may replace; None where there must be no other."""
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        is_file = True  # it will be one
    # /dev/stdout may lead to a file that a shell has open: that one, not another of its name.
    place = path.parent.resolve() / path.name
    is_open = place in _STREAMS or place.is_relative_to("/proc")
    return path.resolve() if is_file and not is_open else None


def _part_of(replaced: Path | None) -> Path:
    """Where the bytes are kept until their digest is known."""
    if replaced is not None:
        return replaced.with_name(replaced.name + ".part")
    handle, name = tempfile.mkstemp(prefix="airlock-artifact-")
    os.close(handle)
    return Path(name)


def _pour(part: Path, path: Path) -> None:
    with part.open("rb") as source, path.open("wb") as out:
        shutil.copyfileobj(source, out, CHUNK_BYTES)
