"""Handing over what was committed: the next need not wait for the acknowledgements of the last."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from airlock_chassis.telemetry.traces import span_id
from airlock_contracts.subjects import Subjects
from airlock_orchestration.engine.signals import RunStarted
from airlock_orchestration.engine.state import Values
from airlock_orchestration.engine.step import new_run, step
from airlock_orchestration.operations.entries import Committed
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache
from airlock_orchestration.telemetry.spans import Spans
from airlock_orchestration.workers import dispatcher as dispatching
from airlock_orchestration.workers.dispatcher import Dispatcher


class SlowStream:
    """A stream that stores what it is sent, and acknowledges when it is told to."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.traceparents: list[str | None] = []
        self.heard = asyncio.Event()
        self.acknowledge = asyncio.Event()

    async def publish_all(self, messages: Any) -> list[None]:
        self.stored += [message.subject for message in messages]
        self.traceparents += [(message.headers or {}).get("traceparent") for message in messages]
        self.heard.set()
        await self.acknowledge.wait()
        return [None] * len(messages)

    async def publish(self, subject: str, payload: bytes) -> None:
        """A bell."""


def dispatcher_on(stream: SlowStream, shop: Any) -> Dispatcher:
    anything: Any = stream
    spans = Spans(Subjects(), lambda: datetime.now(UTC))
    return Dispatcher(anything, anything, anything, Subjects(), Path(shop.database, PlanCache()), spans)


async def started(
    shop: Any, kit: Any, seeded: Any, text: str = "hello", trace: str | None = None
) -> Committed:
    values = Values(context=json.loads(json.dumps({"text": text})))
    run = new_run(str(uuid4()), seeded.plan, trace)
    return Committed(step(run, RunStarted(run.id, "test", "0" * 64), kit.START, values), None)


async def test_a_commit_is_published_while_the_one_before_waits_for_its_acknowledgement(
    shop: Any, kit: Any
) -> None:
    stream, seeded = SlowStream(), await shop.workflow(kit.CHAIN)
    dispatcher = dispatcher_on(stream, shop)
    stop = asyncio.Event()
    running = asyncio.create_task(dispatcher.run(stop))
    for _ in range(2):
        stream.heard.clear()
        dispatcher.hand_over([await started(shop, kit, seeded)])
        async with asyncio.timeout(5):
            await stream.heard.wait()
    assert len(stream.stored) == 2
    stop.set()
    stream.acknowledge.set()
    await running


async def test_what_waits_is_bounded_in_bytes_too(shop: Any, kit: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(dispatching, "MAX_WAITING_BYTES", 2_500)
    stream, seeded = SlowStream(), await shop.workflow(kit.CHAIN)
    dispatcher = dispatcher_on(stream, shop)
    for _ in range(4):
        dispatcher.hand_over([await started(shop, kit, seeded, "x" * 1_000)])
    stop = asyncio.Event()
    stop.set()
    stream.acknowledge.set()
    await dispatcher.run(stop)
    assert len(stream.stored) == 2


async def test_an_invocation_names_its_sending_in_its_runs_trace_also_where_nothing_is_traced(
    shop: Any, kit: Any
) -> None:
    stream, seeded = SlowStream(), await shop.workflow(kit.CHAIN)
    dispatcher = dispatcher_on(stream, shop)
    traced = await started(shop, kit, seeded, trace=f"00-{'1' * 32}-{'2' * 16}-00")
    dispatcher.hand_over([traced, await started(shop, kit, seeded)])
    stop = asyncio.Event()
    stop.set()
    stream.acknowledge.set()
    await dispatcher.run(stop)
    sending = span_id(f"{traced.step.run.id}/a/1/1")
    assert stream.traceparents == [f"00-{'1' * 32}-{sending}-00", None]
