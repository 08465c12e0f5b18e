"""Asks what the engine tells of a container's life, over a connection of its own: no thread waits for it.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System/operation/SystemEvents
"""

import asyncio
import json
import ssl
from datetime import datetime
from urllib.parse import urlencode

from .attach import open_link
from .engine import Engine

_MAX_HEAD_BYTES = 16 * 1024


class EventsRefused(Exception):
    """The engine would not tell; the message is its answer."""


async def told_of_kill(
    engine: Engine, context: ssl.SSLContext | None, container: str, *, since: datetime, until: datetime
) -> bool:
    """Whether the engine tells of a kill for memory in a container between two times of its own clock.

    Waits until the second is over. Raises EventsRefused, OSError; bounds no time.
    """
    filters = {"type": ["container"], "container": [container], "event": ["oom"]}
    query = urlencode(
        {
            "since": f"{since.timestamp():.6f}",
            "until": f"{until.timestamp():.6f}",
            "filters": json.dumps(filters),
        }
    )
    reader, writer = await open_link(engine, context)
    try:
        # Of HTTP/1.0: then what comes behind the head is the events themselves, and nothing else.
        writer.write(f"GET /v{engine.api_version}/events?{query} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
        await writer.drain()
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise EventsRefused("it broke off its answer") from error
        if head.split(b" ", 2)[1:2] != [b"200"]:
            said = await reader.read(_MAX_HEAD_BYTES)
            raise EventsRefused(f"{head.splitlines()[0].decode('latin-1')}: {said.decode(errors='replace')}")
        return bool(await reader.read(1))
    finally:
        writer.transport.abort()
