"""Heartbeats: this host lives, renews what it holds, and hears what became of it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import assert_never

from airlock_chassis.bus import Bus, BusError
from airlock_chassis.telemetry.logs import bind, get_logger
from airlock_chassis.telemetry.traces import trace_id
from airlock_contracts.messages import (
    HeartbeatReply,
    HeartbeatRequest,
    HeldAttempt,
    Holding,
    MalformedMessage,
)
from airlock_contracts.subjects import Subjects

from .attempt import Ending
from .holdings import Holdings
from .reporter import Reporter

log = get_logger(__name__)

ANSWER_SECONDS = 3.0
"""An answer that comes later still counts from when it was asked for; five of them fit into a lease."""
LEAST_GAP_SECONDS = 0.5
"""Between two heartbeats, however many reports wait: 512 of them a second, and no storm."""


class Todo(StrEnum):
    """What an answer asks of the host."""

    NOTHING = "nothing"
    EXTEND = "extend"
    DROP = "drop"
    CANCEL = "cancel"
    PUBLISH = "publish"
    FORGET = "forget"


WHILE_RUNNING: Mapping[Holding, Todo] = {
    Holding.HELD: Todo.EXTEND,
    Holding.LOST: Todo.DROP,
    Holding.SETTLED: Todo.DROP,
    Holding.CANCELLED: Todo.CANCEL,
    Holding.UNCLAIMED: Todo.NOTHING,
}
WHILE_REPORTING: Mapping[Holding, Todo] = {
    Holding.HELD: Todo.PUBLISH,
    Holding.LOST: Todo.FORGET,
    Holding.SETTLED: Todo.FORGET,
    Holding.CANCELLED: Todo.PUBLISH,
    Holding.UNCLAIMED: Todo.PUBLISH,
}


class Leases:
    """Sends heartbeats and acts on their answers."""

    def __init__(
        self,
        bus: Bus,
        subjects: Subjects,
        holdings: Holdings,
        reporter: Reporter,
        describe: Callable[[list[HeldAttempt]], HeartbeatRequest],
        *,
        period_seconds: float,
    ) -> None:
        self._bus = bus
        self._subjects = subjects
        self._holdings = holdings
        self._reporter = reporter
        self._describe = describe
        self._period_seconds = period_seconds
        self.gone_hosts: frozenset[str] = frozenset()
        """Other hosts that Postgres called gone in the last answer."""
        self.answered_at: float | None = None
        """When orchestration last answered, by the monotonic clock."""

    async def run(self, stop: asyncio.Event) -> None:
        """Beat until `stop` is set, and once more then; the first comes at once: the host is listed."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                began = time.monotonic()
                await self.beat()
                self._drop_lapsed()
                left = self._period_seconds - (time.monotonic() - began)
                await self._rest(stopping, max(left, LEAST_GAP_SECONDS))
            await self.beat()
        finally:
            stopping.cancel()

    async def beat(self) -> bool:
        """Send one heartbeat and act on its answer; False when there was none."""
        held = self._holdings.held()
        sent_at = time.monotonic()
        try:
            payload = await self._bus.request(
                self._subjects.heartbeat, self._describe(held).encode(), timeout=ANSWER_SECONDS
            )
            reply, _ = HeartbeatReply.decode(payload)
        except (BusError, MalformedMessage) as error:
            log.warning("heartbeat.unanswered", reason=str(error))
            return False
        self.answered_at = time.monotonic()
        self.gone_hosts = frozenset(reply.gone_hosts)
        await self._act(held, reply, sent_at)
        return True

    async def _act(self, held: list[HeldAttempt], reply: HeartbeatReply, sent_at: float) -> None:
        publish, forget = [], []
        for one in held:
            id_ = str(one.attempt)
            answer = reply.holdings.get(id_)
            todo = self._todo(id_, one.token, answer) if answer is not None else Todo.NOTHING
            match todo:
                case Todo.EXTEND:
                    self._holdings.running[id_].extend(sent_at, reply.lease_seconds)
                case Todo.DROP:
                    self._holdings.running[id_].end(Ending.LOST)
                case Todo.CANCEL:
                    self._holdings.running[id_].end(Ending.CANCELLED)
                case Todo.PUBLISH:
                    publish.append(id_)
                case Todo.FORGET:
                    forget.append(id_)
                case Todo.NOTHING:
                    pass
                case _:
                    assert_never(todo)
        await self._reporter.forget(forget)
        await self._reporter.publish_again(publish)

    def _todo(self, attempt: str, token: str, answer: Holding) -> Todo:
        """What to do now; meanwhile the attempt may have ended, or come again with another token."""
        running, report = self._holdings.running.get(attempt), self._holdings.reports.get(attempt)
        if report is not None and report.token == token:
            return WHILE_REPORTING[answer]
        if running is not None and running.token == token:
            return WHILE_RUNNING[answer]
        return Todo.NOTHING

    def _drop_lapsed(self) -> None:
        """What has effects must not go on without a lease; by our own clock, which began when we asked."""
        for attempt in self._holdings.lapsed():
            id_, agent = attempt.invocation.attempt, attempt.invocation.agent
            trace = trace_id(attempt.traceparent)
            with bind(run=id_.run, node=id_.node, attempt=id_.number, agent=agent, trace_id=trace):
                log.warning("lease.lapsed")
            attempt.end(Ending.LOST)

    async def _rest(self, stopping: asyncio.Task[object], seconds: float) -> None:
        """Wait for the next beat; sooner when many reports wait to be settled."""
        await asyncio.wait({stopping}, timeout=LEAST_GAP_SECONDS)
        crowded = asyncio.create_task(self._holdings.crowded.wait())
        try:
            left = seconds - LEAST_GAP_SECONDS
            if left > 0 and not stopping.done():
                await asyncio.wait({stopping, crowded}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            crowded.cancel()
