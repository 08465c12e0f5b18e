"""/api/runs/{run}/logs: what the agents of a run say, as a page or, for who asks for it, as it comes.

Each line's id is its place, so a reader of the stream that comes back with `Last-Event-ID` goes on behind it.
It ends with an event `end` a second after the run has: then its agents' last words were written, unless the
writer is behind by more. Nobody waits longer for a log.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from airlock_contracts.base import NAME_PATTERN
from airlock_contracts.logs import LogStream, LogView
from airlock_contracts.views import Page
from fastapi import APIRouter, Header, Query, Response

from ..errors import RunUnknown
from ..operations import logs
from ..operations.bells import Bells
from ..operations.logs import Wanted
from ..operations.principals import Principal
from ..store.sessions import Sessions
from .answers import Answers, described, refusals
from .auth import Asking
from .dependencies import Deps
from .streams import EVENT, MEDIA_TYPE, PING_SECONDS, Look, block, opened, stream_of

reads = APIRouter(prefix="/api/runs", tags=["runs"])

PAUSE_SECONDS = 0.1
"""Between a follower's looks: an agent says much more often something than anybody can read."""
_MAX_ID = 2**63 - 1
MAX_PAGE = 1000

_ANSWERS: Answers = {
    200: {
        **described(
            "A page of lines, the oldest first; with `Accept: text/event-stream` events `line`, each with a "
            "line, then `end`."
        ),
        "content": {MEDIA_TYPE: {"schema": dict(EVENT)}},
    },
    204: described("To a stream's reader: the run has ended and there are no more lines."),
    **refusals(RunUnknown),
}


@reads.get("/{run}/logs", response_model=Page[LogView], responses=_ANSWERS)
async def read_run_logs(
    run: UUID,
    deps: Deps,
    asking: Asking,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,18}$")] = None,
    after: Annotated[int, Query(ge=0, le=_MAX_ID, description="The id of the last line that is known.")] = 0,
    node: Annotated[str | None, Query(pattern=NAME_PATTERN, description="Only of this node.")] = None,
    attempt: Annotated[
        int | None, Query(ge=1, le=2_000_000_000, description="Only of attempts of this number.")
    ] = None,
    stream: Annotated[LogStream | None, Query(description="Only what came this way.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Lines on the page, fewer if long.")] = 200,
) -> Any:
    """What a run's agents say, the oldest first; `next_cursor` is given as `after`.

    With `Accept: text/event-stream` all lines behind `Last-Event-ID`, then those that come.
    """
    wanted = Wanted(str(run), node, attempt, stream)
    silent_in = await logs.silent_in(deps.sessions, asking, wanted.run)
    if MEDIA_TYPE not in accept:
        found = await logs.read(deps.sessions, wanted, after, limit)
        more = None if found.is_all else str(found.lines[-1].id)
        return Page[LogView](items=found.lines, next_cursor=more)
    seen = int(last_event_id) if last_event_id is not None else after
    if silent_in == 0 and not (await logs.read(deps.sessions, wanted, seen, 1)).lines:
        return Response(status_code=204)
    return opened(deps, follow(deps.sessions, deps.bells, asking, wanted, seen))


def follow(
    sessions: Sessions,
    bells: Bells,
    asking: Principal,
    wanted: Wanted,
    seen: int,
    *,
    ping_seconds: float = PING_SECONDS,
) -> AsyncIterator[bytes]:
    """The stream's blocks, behind line `seen`. Ends when the run is silent, or this process ends."""

    async def look() -> Look:
        nonlocal seen
        found = await logs.look(sessions, wanted, seen)
        silent_in = None
        if not found.lines:
            silent_in = await logs.silent_in(sessions, asking, wanted.run)
        if silent_in == 0:  # none comes any more; one may have come just before
            found = await logs.look(sessions, wanted, found.to)
        seen = found.to
        told = b"".join(
            block("line", line.model_dump_json(exclude_none=True), line.id) for line in found.lines
        )
        is_last = silent_in == 0 and not found.lines
        return Look(told + _END if is_last else told, is_last, next_in=silent_in)

    return stream_of(bells, wanted.run, look, logs=True, pause=PAUSE_SECONDS, ping_seconds=ping_seconds)


_END = block("end", "{}")
