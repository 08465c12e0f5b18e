"""After the commit: publish what was dispatched, recall what was cancelled, ring the bell.

Nothing here is owed by memory alone: a DISPATCHED row is itself the debt and is published again when
due, and the journal is the truth that the bell only points to. So what does not fit is dropped.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import structlog
from airlock_chassis.bus import AlreadyThere, Bus, NoAnswer, Outgoing, Publisher, PublishRefused, Streams
from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.traces import TRACEPARENT, child_of, trace_id
from airlock_contracts.events import EventType
from airlock_contracts.messages import AttemptId, Bell, CancelBroadcast, Invocation
from airlock_contracts.subjects import AttemptSubject, Subjects

from ..engine.effects import DispatchAttempt, KeepInput, RecallAttempt
from ..errors import StoreUnavailable
from ..operations.entries import Committed
from ..telemetry.spans import Spans

MAX_WAITING = 10_000
MAX_WAITING_BYTES = 128 * 1024 * 1024
"""Of the inputs that wait with their commits: what comes beyond it is published again when due."""
PIPELINE = 4
"""How many goes may wait for their acknowledgements at once, so that the next need not wait for them."""
MAX_TOGETHER = 512
"""Commits handled in one go: bounds the bytes in flight."""
RECALLS_PER_BROADCAST = 1024

log = structlog.get_logger(__name__)


class InputStore(Protocol):
    """Where resolved inputs are kept."""

    async def inputs(self, nodes: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], bytes]: ...


class Dispatcher:
    """Publishes what the door committed: begins in the order of the commits, and does not wait in between."""

    def __init__(
        self,
        bus: Bus,
        streams: Streams,
        publisher: Publisher,
        subjects: Subjects,
        store: InputStore,
        spans: Spans,
    ) -> None:
        self._bus = bus
        self._streams = streams
        self._publisher = publisher
        self._subjects = subjects
        self._store = store
        self._spans = spans
        self._waiting: deque[Committed] = deque()
        self._waiting_bytes = 0
        self._room = asyncio.Semaphore(PIPELINE)
        self._arrived = asyncio.Event()

    def hand_over(self, committed: Sequence[Committed]) -> None:
        """Take what a commit owes to the outside. Never waits, never raises."""
        for one in committed:
            size = _size(one)
            if len(self._waiting) >= MAX_WAITING or self._waiting_bytes + size > MAX_WAITING_BYTES:
                log.warning("dispatch.dropped", run=one.step.run.id, hint="it is published again when due")
                continue
            self._waiting.append(one)
            self._waiting_bytes += size
        self._arrived.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set and nothing waits."""
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(self._wake_at(stop))
            going: set[asyncio.Task[None]] = set()
            while not (stop.is_set() and not self._waiting):
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    await self._room.acquire()
                    go = group.create_task(self._go(self._take(), frozenset(going)))
                    going.add(go)
                    go.add_done_callback(going.discard)
            stopping.cancel()

    def _take(self) -> list[Committed]:
        size = min(MAX_TOGETHER, len(self._waiting))
        taken = [self._waiting.popleft() for _ in range(size)]
        self._waiting_bytes -= sum(_size(one) for one in taken)
        return taken

    async def _go(self, committed: list[Committed], earlier: frozenset[asyncio.Task[None]]) -> None:
        try:
            await self._publish(committed, earlier)
        finally:
            self._room.release()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._arrived.set()

    async def _publish(self, committed: list[Committed], earlier: frozenset[asyncio.Task[None]]) -> None:
        try:
            messages = await self._invocations(committed)
        except StoreUnavailable as error:
            log.warning("dispatch.postponed", reason=str(error), hint="published again when due")
            messages = []
        if messages:
            await self._send(messages)
        try:
            await self._recall(committed)
            await self._ring(committed)
            await self._withdraw(committed, earlier)
        except NoAnswer as error:
            log.warning("dispatch.broadcast_failed", reason=str(error))

    async def _send(self, messages: list[Outgoing]) -> None:
        began = self._spans.now()
        outcomes = await self._publisher.publish_all(messages)
        self._spans.sent(messages, outcomes, began)
        for message, outcome in zip(messages, outcomes, strict=True):
            if isinstance(outcome, PublishRefused):
                log.error("dispatch.refused", **self._ids(message), reason=str(outcome))
            elif isinstance(outcome, Exception):
                log.warning("dispatch.unknown", **self._ids(message), reason=str(outcome))
            elif isinstance(outcome, AlreadyThere):
                log.debug("dispatch.already_there", **self._ids(message))

    def _ids(self, message: Outgoing) -> dict[str, object]:
        """What a log line about a message names."""
        about = self._subjects.parse_invocation(message.subject)
        return {
            names.LOG_RUN: about.run,
            names.LOG_NODE: about.node,
            names.LOG_ATTEMPT: about.number,
            names.LOG_TRACE: trace_id((message.headers or {}).get(TRACEPARENT)),
        }

    async def _invocations(self, committed: list[Committed]) -> list[Outgoing]:
        due: list[tuple[Committed, DispatchAttempt]] = []
        known: dict[tuple[str, str], bytes] = {}
        for one in committed:
            for effect in one.step.effects:
                if isinstance(effect, KeepInput):
                    known[one.step.run.id, effect.node] = effect.input
                elif isinstance(effect, DispatchAttempt):
                    due.append((one, effect))
        missing = [key for one, e in due if (key := (one.step.run.id, e.node)) not in known]
        if missing:
            known.update(await self._store.inputs(missing))
        return [self._invocation(one, e, known[one.step.run.id, e.node]) for one, e in due]

    def _invocation(self, committed: Committed, effect: DispatchAttempt, body: bytes) -> Outgoing:
        run = committed.step.run
        plan = run.plan.nodes[effect.node]
        preview_sha256 = run.nodes[effect.node].preview_sha256
        assert preview_sha256 is not None
        header = Invocation(
            project=run.plan.project,
            attempt=AttemptId(run=run.id, node=effect.node, number=effect.number),
            agent=plan.agent.reference,
            agent_version_id=plan.agent.id,
            action=plan.action,
            claim_first=plan.claims_first,
            preview_sha256=preview_sha256,
            timeout_seconds=plan.timeout.total_seconds(),
        )
        pool = plan.agent.manifest.pool
        msg_id = f"{header.attempt}/{effect.sends}"
        sending = child_of(run.traceparent, msg_id)
        return Outgoing(
            subject=self._subjects.invocation(AttemptSubject(pool, run.id, effect.node, effect.number)),
            payload=header.encode(body),
            msg_id=msg_id,
            headers={TRACEPARENT: sending} if sending else None,
        )

    async def _recall(self, committed: Iterable[Committed]) -> None:
        recalled = [
            AttemptId(run=one.step.run.id, node=effect.node, number=effect.number)
            for one in committed
            for effect in one.step.effects
            if isinstance(effect, RecallAttempt)
        ]
        for first in range(0, len(recalled), RECALLS_PER_BROADCAST):
            part = recalled[first : first + RECALLS_PER_BROADCAST]
            await self._bus.publish(self._subjects.cancel, CancelBroadcast(attempts=part).encode())

    async def _withdraw(self, committed: Iterable[Committed], earlier: frozenset[asyncio.Task[None]]) -> None:
        """What a cancelled run has queued need not reach a host: it would start what nobody waits for."""
        cancelled = [
            one.step.run.id
            for one in committed
            if any(fact.type is EventType.RUN_CANCELLING for fact in one.step.events)
        ]
        if cancelled and earlier:
            await asyncio.wait(earlier)  # they may still be sending what is withdrawn here
        for run in cancelled:
            stream = self._subjects.invocations_stream
            await self._streams.purge(stream, self._subjects.run_invocations(run))

    async def _ring(self, committed: Iterable[Committed]) -> None:
        by_project: dict[str, set[str]] = {}
        for one in committed:
            if one.step.events:
                by_project.setdefault(one.step.run.plan.project, set()).add(one.step.run.id)
        for project, runs in by_project.items():
            await self._bus.publish(self._subjects.bell(project), Bell(runs=sorted(runs)).encode())


def _size(committed: Committed) -> int:
    return sum(len(effect.input) for effect in committed.step.effects if isinstance(effect, KeepInput))
