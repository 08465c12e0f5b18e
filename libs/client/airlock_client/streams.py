"""Server-sent events that are followed to their end, whatever happens to the connection between.

Source: WHATWG HTML, 9.2 (server-sent events). A stream ends with its last event, or with a 204: there is no
more.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import httpx2

from .errors import ProblemError

_SILENCE_SECONDS = 30.0
"""The server pings a stream every 10 s."""
_PAUSE_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0
"""How long nothing may answer until it is followed no more: longer than a service takes to start again."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One event of a stream."""

    id: int
    """Its place, to go on behind; 0 where it has none."""
    event: str
    data: str


class _Over(Exception):
    """There is no more, and will not be."""


async def follow(
    http: httpx2.AsyncClient,
    path: str,
    after: int,
    *,
    last: str,
    query: Mapping[str, object],
    refuse: Callable[[httpx2.Response], None],
) -> AsyncIterator[Sent]:
    """A stream's events behind `after`, until the one called `last`, which is given too.

    `refuse` raises for an answer that is an error. Raises ProblemError, and httpx2.TransportError when
    nothing has answered for a minute.
    """
    clock = asyncio.get_running_loop().time
    asked = {name: str(value) for name, value in query.items() if value is not None}
    lost_at: float | None = None
    while True:
        try:
            async for sent in _connection(http, path, after, asked, refuse):
                lost_at = None
                if sent is None:
                    continue
                after = sent.id or after
                yield sent
                if sent.event == last:
                    return
        except _Over:
            return
        except (httpx2.TransportError, ProblemError) as error:
            lost_at = clock() if lost_at is None else lost_at
            is_for_good = isinstance(error, ProblemError) and not error.problem.retryable
            if is_for_good or clock() - lost_at > _PATIENCE_SECONDS:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)


async def _connection(
    http: httpx2.AsyncClient,
    path: str,
    after: int,
    query: Mapping[str, str],
    refuse: Callable[[httpx2.Response], None],
) -> AsyncIterator[Sent | None]:
    """One connection's events; None first, once there is an answer."""
    timeout = httpx2.Timeout(_SILENCE_SECONDS, connect=5.0)
    headers = {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
    async with http.stream("GET", path, params=query, headers=headers, timeout=timeout) as answer:
        if answer.is_error:
            await answer.aread()
            refuse(answer)
        if answer.status_code == httpx2.codes.NO_CONTENT:
            raise _Over
        yield None
        async for sent in httpx2.EventSource(answer):
            if sent.data:
                yield Sent(int(sent.id) if sent.id and sent.id.isdecimal() else 0, sent.event, sent.data)
