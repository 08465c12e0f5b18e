"""Asks what the engine tells of a container's life, over a connection of its own: no thread waits for it.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System/operation/SystemEvents
"""

import json
import ssl
from datetime import datetime
from urllib.parse import urlencode

from .engine import Engine
from .link import ask


async def told_of_kill(
    engine: Engine, context: ssl.SSLContext | None, container: str, *, since: datetime, until: datetime
) -> bool:
    """Whether the engine tells of a kill for memory in a container between two times of its own clock.

    Waits until the second is over. Raises Refused, OSError; bounds no time.
    """
    filters = {"type": ["container"], "container": [container], "event": ["oom"]}
    query = urlencode(
        {
            "since": f"{since.timestamp():.6f}",
            "until": f"{until.timestamp():.6f}",
            "filters": json.dumps(filters),
        }
    )
    # Of HTTP/1.0: then what comes behind the head is the events themselves, and nothing else.
    reader, writer = await ask(engine, context, "GET", f"/events?{query}", "HTTP/1.0")
    try:
        return bool(await reader.read(1))
    finally:
        writer.transport.abort()
