"""Streams of server-sent events: how a run is followed, whatever is told of it.

A stream looks, tells what it found, and waits for a bell to look again. A reader that comes back with
`Last-Event-ID` goes on behind it. Source: WHATWG HTML, 9.2 (server-sent events).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from airlock_chassis.waiting import set_within
from fastapi.responses import StreamingResponse

from ..errors import StoreUnavailable
from ..operations.bells import Bells
from .dependencies import Dependencies

MEDIA_TYPE: Final = "text/event-stream"
PING_SECONDS: Final = 10.0
"""Between two looks without a bell, each with a ping: it keeps proxies from cutting the line."""
_RETRY: Final = b"retry: 2000\n\n"
_PING: Final = b": still here\n\n"

EVENT: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "One event of the stream.",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}
"""Its schema: the media type says that there are many."""

_HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # no proxy shall collect it

log = structlog.get_logger(__name__)


class EventStream(StreamingResponse):
    """The answer that does not end before the run does."""

    media_type = MEDIA_TYPE


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found."""

    told: bytes = b""
    """Blocks for the reader."""
    is_last: bool = False
    """Nothing comes any more."""
    next_in: float | None = None
    """Seconds until there may be something without a bell; None where only a bell tells."""


def opened(deps: Dependencies, blocks: AsyncIterator[bytes]) -> EventStream:
    """Answer with a stream. Raises StoreUnavailable when as many are open as may be."""
    if deps.bells.listeners >= deps.max_streams:
        raise StoreUnavailable(f"{deps.max_streams} event streams are open already")
    return EventStream(blocks, headers=_HEADERS)


async def stream_of(
    bells: Bells,
    run: str,
    look: Callable[[], Awaitable[Look]],
    *,
    logs: bool = False,
    pause: float = 0.0,
    ping_seconds: float = PING_SECONDS,
) -> AsyncIterator[bytes]:
    """Look now and at each bell of the run, its logs' too where `logs`, and yield what is found.

    Between two looks are `pause` seconds at least: a bell that rings on and on makes one look tell more, not
    more looks. Ends behind the last, or when this process ends, or Postgres does not answer: then the reader
    comes back by itself, and goes on behind what it has.
    """
    yield _RETRY
    with bells.listen(run, logs=logs) as bell:
        while not bells.closed:
            bell.clear()  # before looking: what comes while we look rings again
            try:
                found = await look()
            except StoreUnavailable as error:
                log.warning("stream.ended", run=run, reason=error.detail)
                return
            if found.told:
                yield found.told
            if found.is_last:
                return
            await asyncio.sleep(pause)
            if found.told:
                continue  # there may be more than one look holds
            if not await set_within(bell, ping_seconds if found.next_in is None else found.next_in):
                yield _PING


def block(event: str, data: str, number: int | None = None) -> bytes:
    """One event on the wire; JSON has no raw line breaks, so its data is one line."""
    id_ = "" if number is None else f"id: {number}\n"
    return f"{id_}event: {event}\ndata: {data}\n\n".encode()
