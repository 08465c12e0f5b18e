"""Hosts ask over the bus: what can be read is answered, and silence is all that the rest gets."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import structlog.testing
from airlock_chassis.bus import Bus, NoAnswer
from airlock_client.embedded import EmbeddedNats
from airlock_contracts.messages import (
    AttemptId,
    ClaimAnswer,
    ClaimReply,
    ClaimRequest,
    HeartbeatReply,
    HeartbeatRequest,
)
from airlock_contracts.subjects import Subjects
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.operations.advance import Door
from airlock_orchestration.operations.clock import PostgresClock
from airlock_orchestration.operations.heartbeats import Heartbeats
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache
from airlock_orchestration.workers.control import ControlWorker

RUN = "01920000-0000-7000-8000-000000000001"
CLAIM = ClaimRequest(
    attempt=AttemptId(run=RUN, node="a", number=1), host="host-1", token="token-0123456789abcdef"
)
BEAT = HeartbeatRequest(host="host-1", boot="1", pool="default", version="0", slots=1, busy=0, memory_mb=1)

SILENT_SECONDS = 2.0
"""In which what is told must have been told, and nothing answered."""


class Closing(Path):
    """Postgres, until it goes away."""

    away = False

    async def gone_hosts(self) -> Sequence[str]:
        if self.away:
            raise StoreUnavailable("Postgres is away")
        return await super().gone_hosts()


class Exchange:
    """A control worker on a bus, and a host's side of it."""

    def __init__(self, shop: Any, bus: Bus, subjects: Subjects) -> None:
        self.path = Closing(shop.database, PlanCache())
        self.door = Door(self.path, PostgresClock(), lambda committed: None)
        self.subjects = subjects
        self._bus = bus
        self._stop = asyncio.Event()
        self._worker = ControlWorker(bus, subjects, self.door, Heartbeats(self.path))
        self._tasks = [
            asyncio.create_task(self.door.serve()),
            asyncio.create_task(self._worker.run(self._stop)),
        ]

    async def ask(self, subject: str, payload: bytes, *, seconds: float = 20) -> bytes:
        return await self._bus.request(subject, payload, timeout=seconds)

    async def ready(self) -> None:
        """Until the worker listens: a bus without listeners says so at once."""
        async with asyncio.timeout(10):
            while True:
                try:
                    await self.ask(self.subjects.heartbeat, BEAT.encode())
                    return
                except NoAnswer:
                    await asyncio.sleep(0.01)

    async def close(self) -> None:
        self._stop.set()
        self.door.close()
        await asyncio.gather(*self._tasks)


@pytest.fixture
async def exchange(shop: Any, nats_server: EmbeddedNats, nats_prefix: str) -> AsyncIterator[Exchange]:
    bus = await Bus.connect(nats_server.url(), name="test")
    one = Exchange(shop, bus, Subjects(nats_prefix))
    await one.ready()
    yield one
    await one.close()
    await bus.close()


async def test_a_claim_and_a_heartbeat_are_answered(exchange: Exchange) -> None:
    refused, _ = ClaimReply.decode(await exchange.ask(exchange.subjects.claim, CLAIM.encode()))
    assert refused.answer is ClaimAnswer.REFUSED
    beat, _ = HeartbeatReply.decode(await exchange.ask(exchange.subjects.heartbeat, BEAT.encode()))
    assert (beat.lease_seconds, beat.holdings) == (30, {})


@pytest.mark.parametrize("kind", ["claim", "heartbeat"])
async def test_what_cannot_be_read_gets_no_answer_and_is_told(exchange: Exchange, kind: str) -> None:
    with structlog.testing.capture_logs() as told, pytest.raises(NoAnswer):
        await exchange.ask(getattr(exchange.subjects, kind), b"what?", seconds=SILENT_SECONDS)
    assert [line["event"] for line in told] == [f"{kind}.malformed"]


async def test_while_postgres_is_away_nobody_is_refused(exchange: Exchange) -> None:
    exchange.path.away = True
    exchange.door.close()
    with structlog.testing.capture_logs() as told:
        for subject, payload in (
            (exchange.subjects.claim, CLAIM.encode()),
            (exchange.subjects.heartbeat, BEAT.encode()),
        ):
            with pytest.raises(NoAnswer):
                await exchange.ask(subject, payload, seconds=SILENT_SECONDS)
    assert [line["event"] for line in told] == ["claim.unanswered", "heartbeat.unanswered"]


async def test_a_stopped_worker_answers_no_more(exchange: Exchange) -> None:
    await exchange.close()
    with pytest.raises(NoAnswer):
        await exchange.ask(exchange.subjects.heartbeat, BEAT.encode())
