"""/api/runs/{run}/events: a run as it goes, as server-sent events, from any event on.

Each event's id is its number in the run, so a reader that comes back with `Last-Event-ID` misses nothing and
sees nothing twice. The stream ends behind `run.finished`. Source: WHATWG HTML, 9.2 (server-sent events).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import structlog
from airlock_contracts.events import Event, EventType
from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from ..errors import RunUnknown, StoreUnavailable
from ..operations.bells import Bells
from ..operations.journal import is_told, read_events
from ..operations.principals import Principal
from ..store.sessions import Sessions
from .answers import EVENT, described, raw, refusals
from .auth import Asking
from .dependencies import Deps

reads = APIRouter(prefix="/api/runs", tags=["runs"])

log = structlog.get_logger(__name__)
_PING_SECONDS = 10.0
"""Between two looks without a bell, each with a ping: it keeps proxies from cutting the line."""
_RETRY_MILLISECONDS = 2000


class _EventStream(StreamingResponse):
    media_type = "text/event-stream"


@reads.get(
    "/{run}/events",
    response_class=_EventStream,
    responses={
        200: raw("The stream.", "text/event-stream", EVENT),
        204: described("The run has ended and there are no more."),
        **refusals(RunUnknown),
    },
)
async def follow_run(
    run: UUID,
    deps: Deps,
    asking: Asking,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,9}$")] = None,
    after: Annotated[int, Query(ge=0, le=999_999_999, description="As Last-Event-ID.")] = 0,
) -> Response:
    """A run's events behind Last-Event-ID, then those that come, until `run.finished`.

    204 when the run has ended and there are no more: it tells a browser not to come back.
    """
    seen = int(last_event_id) if last_event_id is not None else after
    if await is_told(deps.sessions, asking, str(run), seen):
        return Response(status_code=204)
    if deps.bells.listeners >= deps.max_streams:
        raise StoreUnavailable(f"{deps.max_streams} event streams are open already")
    body = follow(deps.sessions, deps.bells, asking, str(run), seen)
    return _EventStream(body, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})


async def follow(
    sessions: Sessions,
    bells: Bells,
    asking: Principal,
    run: str,
    seen: int,
    *,
    ping_seconds: float = _PING_SECONDS,
) -> AsyncIterator[bytes]:
    """Yield the stream's blocks. Ends when the run has, or this process does."""
    yield f"retry: {_RETRY_MILLISECONDS}\n\n".encode()
    with bells.listen(run) as bell:
        while not bells.closed:
            bell.clear()  # before looking: what comes while we look rings again
            try:
                events = await read_events(sessions, asking, run, seen)
            except StoreUnavailable as error:
                log.warning("stream.ended", run=run, reason=error.detail)
                return  # the reader comes back by itself, and goes on behind what it has
            for event in events:
                yield block(event)
                seen = event.seq
                if event.type is EventType.RUN_FINISHED:
                    return
            if events:
                continue  # there may be more than one reading holds
            try:
                await asyncio.wait_for(bell.wait(), ping_seconds)
            except TimeoutError:
                yield b": still here\n\n"


def block(event: Event) -> bytes:
    """One event on the wire; JSON has no raw line breaks, so its data is one line."""
    return f"id: {event.seq}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()
