"""Records what ended and what was sent as spans, after the commit and out of the next one's way."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from airlock_chassis.bus import Outcome, Outgoing
from airlock_chassis.telemetry import metrics, names
from airlock_chassis.telemetry.traces import (
    TRACEPARENT,
    Kind,
    child_of,
    is_kept,
    messaging,
    record,
    span_id,
)
from airlock_contracts.subjects import Subjects

from ..operations.entries import Committed
from ..operations.spans import attempt_name
from .endings import Endings, endings

MAX_WAITING = 10_000
"""Spans that wait to be recorded; what would be more is dropped: telemetry holds up nothing."""
AT_ONCE = 16
"""Spans recorded before others may have a turn: each takes some 25 microseconds."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message that was published, without its payload."""

    subject: str
    id: str
    carried: str | None
    """Its traceparent: the span of its sending."""
    outcome: Outcome


class Spans:
    """Takes what is over at once, and hands it to the tracer in turns of its own."""

    def __init__(self, subjects: Subjects, now: Callable[[], datetime]) -> None:
        self._subjects = subjects
        self._now = now
        self._waiting: deque[tuple[int, Iterator[None]]] = deque()
        self._spans = 0
        """That wait, all together."""
        self._arrived = asyncio.Event()

    def hand_over(self, committed: Sequence[Committed]) -> None:
        """Take what commits ended. Never waits, never raises."""
        for one in committed:
            if is_kept(one.step.run.traceparent) and (ended := endings(one)):
                self._add(_recorded(ended), len(ended))

    def now(self) -> datetime:
        """The time by which spans of runs are measured: Postgres'."""
        return self._now()

    def sent(self, messages: Sequence[Outgoing], outcomes: Sequence[Outcome], began: datetime) -> None:
        """Take what was published just now, and with which outcome."""
        kept = [
            _Sent(message.subject, message.msg_id or "", carried, outcome)
            for message, outcome in zip(messages, outcomes, strict=True)
            if is_kept(carried := (message.headers or {}).get(TRACEPARENT))
        ]
        if kept:
            self._add(self._sent(kept, began, self._now()), len(kept))

    async def run(self, stop: asyncio.Event) -> None:
        """Record until `stop` is set and nothing waits."""
        stopping = asyncio.create_task(self._wake_at(stop))
        try:
            while True:
                self._arrived.clear()
                await self._drain()  # first: what waits when this begins again has arrived before
                if stop.is_set():
                    break
                await self._arrived.wait()
        finally:
            stopping.cancel()

    async def _drain(self) -> None:
        turn = 0
        while self._waiting:
            spans, ended = self._waiting.popleft()
            left = spans
            try:
                for _ in ended:
                    left -= 1
                    turn += 1
                    if turn % AT_ONCE == 0:
                        await asyncio.sleep(0)
            finally:  # also of what cannot be recorded: after that this begins again, without the rest of it
                self._spans -= spans
                metrics.telemetry_dropped_total.labels("traces").inc(left)

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._arrived.set()

    def _add(self, ended: Iterator[None], spans: int) -> None:
        if self._spans + spans > MAX_WAITING:
            metrics.telemetry_dropped_total.labels("traces").inc(spans)
            return
        self._spans += spans
        self._waiting.append((spans, ended))
        self._arrived.set()

    def _sent(self, messages: Sequence[_Sent], began: datetime, ended: datetime) -> Iterator[None]:
        for message in messages:
            about = self._subjects.parse_invocation(message.subject)
            failed = isinstance(message.outcome, Exception)
            record(
                names.SPAN_SEND_INVOCATIONS,
                id_=span_id(message.id),
                parent=child_of(message.carried, attempt_name(about.run, about.node, about.number)),
                start=began,
                end=ended,
                kind=Kind.PRODUCER,
                attributes={
                    names.ATTR_RUN: about.run,
                    names.ATTR_NODE: about.node,
                    names.ATTR_ATTEMPT: about.number,
                    names.ATTR_POOL: about.pool,
                    **messaging("send", names.INVOCATIONS),
                    names.ATTR_MESSAGING_MESSAGE_ID: message.id,
                },
                error=type(message.outcome).__name__ if failed else None,
            )
            yield


def _recorded(ended: Endings) -> Iterator[None]:
    """Record one span at each step."""
    for one in ended.spans():
        record(
            one.name,
            id_=one.id,
            parent=one.parent,
            start=one.start,
            end=one.end,
            attributes=one.attributes,
            links=one.links,
            error=one.error,
        )
        yield
