"""/api/runs/{run}/logs: what the agents of a run say, as a page or, for who asks for it, as it comes.

The stream is one of server-sent events, as that of `events`: each line's id is its place, so a reader that
comes back with `Last-Event-ID` goes on behind it. It ends with an event `end` once the run has ended and its
agents' last words were written.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import structlog
from airlock_chassis.waiting import set_within
from airlock_contracts.base import NAME_PATTERN
from airlock_contracts.logs import LogStream, LogView
from airlock_contracts.views import Page
from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from ..errors import RunUnknown, StoreUnavailable
from ..operations import logs
from ..operations.bells import Bells
from ..operations.logs import Wanted
from ..operations.principals import Principal
from ..store.sessions import Sessions
from .answers import EVENT, Answers, described, refusals
from .auth import Asking
from .dependencies import Deps

reads = APIRouter(prefix="/api/runs", tags=["runs"])

log = structlog.get_logger(__name__)
_PING_SECONDS = 10.0
_RETRY_MILLISECONDS = 2000
_MAX_ID = 2**63 - 1
MAX_PAGE = 1000

_ANSWERS: Answers = {
    200: {
        **described(
            "A page of lines, the oldest first; with `Accept: text/event-stream` events `line`, each with a "
            "line, then `end`."
        ),
        "content": {"text/event-stream": {"schema": dict(EVENT)}},
    },
    204: described("To a stream's reader: the run has ended and there are no more lines."),
    **refusals(RunUnknown),
}


class _Lines(StreamingResponse):
    media_type = "text/event-stream"


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
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Lines on the page.")] = 200,
) -> Any:
    """What a run's agents say, the oldest first; `next_cursor` is given as `after`.

    With `Accept: text/event-stream` all lines behind `Last-Event-ID`, then those that come.
    """
    wanted = Wanted(str(run), node, attempt, stream)
    silent_in = await logs.silent_in(deps.sessions, asking, wanted.run)
    if "text/event-stream" not in accept:
        lines = await logs.read(deps.sessions, wanted, after, limit)
        more = str(lines[-1].id) if len(lines) == limit else None
        return Page[LogView](items=lines, next_cursor=more)
    seen = int(last_event_id) if last_event_id is not None else after
    if silent_in == 0 and not await logs.read(deps.sessions, wanted, seen, 1):
        return Response(status_code=204)
    if deps.bells.listeners >= deps.max_streams:
        raise StoreUnavailable(f"{deps.max_streams} event streams are open already")
    body = follow(deps.sessions, deps.bells, asking, wanted, seen)
    return _Lines(body, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})


async def follow(
    sessions: Sessions,
    bells: Bells,
    asking: Principal,
    wanted: Wanted,
    seen: int,
    *,
    ping_seconds: float = _PING_SECONDS,
) -> AsyncIterator[bytes]:
    """Yield the stream's blocks. Ends when the run's agents have said their last, or this process ends."""
    yield f"retry: {_RETRY_MILLISECONDS}\n\n".encode()
    with bells.listen(wanted.run, logs=True) as bell:
        while not bells.closed:
            bell.clear()  # before looking: what comes while we look rings again
            try:
                lines = await logs.read(sessions, wanted, seen)
                if not lines:
                    silent_in = await logs.silent_in(sessions, asking, wanted.run)
                    # Once it is silent none comes after; one may have come just before.
                    lines = await logs.read(sessions, wanted, seen) if silent_in == 0 else lines
            except StoreUnavailable as error:
                log.warning("stream.ended", run=wanted.run, reason=error.detail)
                return  # the reader comes back by itself, and goes on behind what it has
            for line in lines:
                yield block(line)
                seen = line.id
            if lines:
                continue  # there may be more than one reading holds
            if silent_in == 0:
                yield b"event: end\ndata: {}\n\n"
                return
            if not await set_within(bell, ping_seconds if silent_in is None else silent_in):
                yield b": still here\n\n"


def block(line: LogView) -> bytes:
    """One line on the wire; JSON has no raw line breaks, so its data is one line."""
    return f"id: {line.id}\nevent: line\ndata: {line.model_dump_json(exclude_none=True)}\n\n".encode()
