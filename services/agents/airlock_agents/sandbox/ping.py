"""Asks the engine whether it is there, over a connection of its own: no thread waits for one that hangs."""

import asyncio
import ssl

from .engine import Engine
from .link import open_link

PING_SECONDS = 2.0
"""An engine that is well answers in a millisecond or two."""
_MAX_LINE_BYTES = 1024


class NoPong(Exception):
    """It did not answer in time, or not that it is well."""


async def ping(engine: Engine, context: ssl.SSLContext | None, *, seconds: float = PING_SECONDS) -> None:
    """Have an answer from the engine. Raises NoPong."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await open_link(engine, context)
            try:
                writer.write(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
                await writer.drain()
                line = await reader.read(_MAX_LINE_BYTES)
            finally:
                writer.transport.abort()
    except TimeoutError as error:
        raise NoPong(f"no answer within {seconds:g} s") from error
    except OSError as error:
        raise NoPong(f"{type(error).__name__}: {error}") from error
    if line.split(b" ", 2)[1:2] != [b"200"]:
        raise NoPong(f"answered {line[:100]!r}")
