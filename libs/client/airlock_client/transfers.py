"""Bytes between files and the network, piece by piece: never held whole, hashed on the way."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from .errors import UnexpectedAnswer

CHUNK_BYTES = 1024 * 1024


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

    Raises UnexpectedAnswer for another digest, OSError, and what the chunks raise.
    """
    seen, size = hashlib.sha256(), 0
    part = path.with_name(path.name + ".part")
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
        await asyncio.to_thread(part.replace, path)
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    return size
