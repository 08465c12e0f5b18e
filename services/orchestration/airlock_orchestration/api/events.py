"""/api/runs/{run}/events: a run as it goes, as server-sent events, from any event on.

Each event's id is its number in the run, so a reader that comes back with `Last-Event-ID` misses nothing and
sees nothing twice. The stream ends behind `run.finished`.
"""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from airlock_contracts.events import EventType
from fastapi import APIRouter, Header, Query, Response

from ..errors import RunUnknown
from ..operations.bells import Bells
from ..operations.journal import is_told, read_events
from ..operations.principals import Principal
from ..store.sessions import Sessions
from .answers import described, raw, refusals
from .auth import Asking
from .dependencies import Deps
from .streams import EVENT, MEDIA_TYPE, PING_SECONDS, EventStream, Look, block, opened, stream_of

reads = APIRouter(prefix="/api/runs", tags=["runs"])


@reads.get(
    "/{run}/events",
    response_class=EventStream,
    responses={
        200: raw("The stream.", MEDIA_TYPE, EVENT),
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
    return opened(deps, follow(deps.sessions, deps.bells, asking, str(run), seen))


def follow(
    sessions: Sessions,
    bells: Bells,
    asking: Principal,
    run: str,
    seen: int,
    *,
    ping_seconds: float = PING_SECONDS,
) -> AsyncIterator[bytes]:
    """The stream's blocks, behind event `seen`. Ends when the run has, or this process does."""

    async def look() -> Look:
        nonlocal seen
        events = await read_events(sessions, asking, run, seen)
        seen = events[-1].seq if events else seen
        told = b"".join(block(event.type, event.model_dump_json(), event.seq) for event in events)
        return Look(told, is_last=any(event.type is EventType.RUN_FINISHED for event in events))

    return stream_of(bells, run, look, ping_seconds=ping_seconds)
