"""From NATS into Postgres: what hosts send is kept once, whoever hears it; what cannot be kept is counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airlock_chassis.bus import Bus
from airlock_chassis.telemetry.metrics import agent_log_lines_total
from airlock_contracts.logs import AgentLog, LogLevel, LogLine, LogStream
from airlock_contracts.messages import AttemptId
from airlock_contracts.subjects import Subjects
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.operations import logs
from airlock_orchestration.operations.bells import Bells
from airlock_orchestration.operations.logs import Wanted
from airlock_orchestration.store.sessions import Sessions
from airlock_orchestration.workers import logs as worker
from airlock_orchestration.workers.bells import BellsWorker
from airlock_orchestration.workers.logs import LogsWorker
from airlock_orchestration.workers.retention import Retention

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Away(Sessions):
    """A database that is away until it is told to be back."""

    def __init__(self, sessions: Sessions) -> None:
        self._there = sessions
        self.back = False

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[Any]:
        if not self.back:
            raise StoreUnavailable("Postgres did not answer: it is away")
        async with self._there.beside() as connection:
            yield connection


@pytest.fixture
async def bus(nats_server: Any, nats_prefix: str) -> AsyncIterator[Bus]:
    """A connection to NATS."""
    async with await Bus.connect(nats_server.url(), name="test") as connected:
        yield connected


@asynccontextmanager
async def running(*workers: Any) -> AsyncIterator[None]:
    """Workers that hear, and have ended well when this is left."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(one.run(stop)) for one in workers]
    await asyncio.sleep(0)
    yield
    stop.set()
    await asyncio.gather(*tasks)


def said(run: str, *texts: str, first: int = 1) -> bytes:
    lines = [
        LogLine(number=n, at=AT, stream=LogStream.STDERR, level=LogLevel.INFO, message=text)
        for n, text in enumerate(texts, first)
    ]
    attempt = AttemptId(run=run, node="a", number=1)
    return AgentLog(attempt=attempt, host="host-1", token="token-0123456789abcdef", lines=lines).encode()


async def until_kept(rig: Any, run: str, count: int) -> list[str]:
    async with asyncio.timeout(20):
        while len(lines := (await logs.read(rig.sessions, Wanted(run), 0)).lines) < count:
            await asyncio.sleep(0.01)
    return [line.message for line in lines]


def counted(outcome: str) -> float:
    return float(agent_log_lines_total.labels(outcome=outcome)._value.get())


async def test_two_replicas_keep_each_line_once_and_wake_who_listens_at_either(
    rig: Any, bus: Bus, nats_prefix: str
) -> None:
    subjects = Subjects(nats_prefix)
    run = await rig.start()
    here, there = Bells(), Bells()
    workers = [LogsWorker(bus, subjects, rig.sessions, bells) for bells in (here, there)]
    bells = [BellsWorker(bus, subjects, one) for one in (here, there)]
    with here.listen(run, logs=True) as one, there.listen(run, logs=True) as other:
        async with running(*workers, *bells):
            await bus.flush()
            for number in range(1, 101):
                await bus.publish(subjects.logs("host-1"), said(run, f"{number}", first=number))
            assert sorted(await until_kept(rig, run, 100), key=int) == [str(n) for n in range(1, 101)]
            async with asyncio.timeout(10):
                await one.wait()
                await other.wait()


async def test_what_has_arrived_is_still_kept_when_the_worker_is_asked_to_stop(
    rig: Any, bus: Bus, nats_prefix: str
) -> None:
    subjects, run = Subjects(nats_prefix), await rig.start()
    async with running(LogsWorker(bus, subjects, rig.sessions, Bells())):
        await bus.flush()
        await bus.publish(subjects.logs("host-1"), said(run, "late"))
        await bus.flush()
    assert await until_kept(rig, run, 1) == ["late"]


async def test_without_postgres_lines_are_lost_and_counted_and_later_ones_are_kept(
    rig: Any, bus: Bus, nats_prefix: str
) -> None:
    subjects, run = Subjects(nats_prefix), await rig.start()
    sessions = Away(rig.sessions)
    lost = counted("lost")
    async with running(LogsWorker(bus, subjects, sessions, Bells())):
        await bus.flush()
        await bus.publish(subjects.logs("host-1"), said(run, "one", "two"))
        async with asyncio.timeout(10):
            while counted("lost") < lost + 2:
                await asyncio.sleep(0.01)
        sessions.back = True
        await bus.publish(subjects.logs("host-1"), said(run, "three", first=3))
        assert await until_kept(rig, run, 1) == ["three"]


async def test_a_batch_that_nobody_foresaw_is_lost_alone_and_the_worker_goes_on(
    rig: Any, bus: Bus, nats_prefix: str
) -> None:
    subjects, run = Subjects(nats_prefix), await rig.start()
    lost = counted("lost")
    async with rig.sessions.path() as connection:
        await connection.execute("ALTER TABLE agent_logs RENAME TO not_migrated_yet")
    async with running(LogsWorker(bus, subjects, rig.sessions, Bells())):
        await bus.flush()
        await bus.publish(subjects.logs("host-1"), said(run, "one", "two"))
        async with asyncio.timeout(10):
            while counted("lost") < lost + 2:
                await asyncio.sleep(0.01)
        async with rig.sessions.path() as connection:
            await connection.execute("ALTER TABLE not_migrated_yet RENAME TO agent_logs")
        await bus.publish(subjects.logs("host-1"), said(run, "three", first=3))
        assert await until_kept(rig, run, 1) == ["three"]


async def test_what_agents_said_long_ago_is_deleted_by_the_way(rig: Any) -> None:
    run = await rig.start()
    log, _ = AgentLog.decode(said(run, "old"))
    await logs.keep(rig.sessions, [log])
    await rig.fail(run, "a")
    async with rig.sessions.path() as connection:
        await connection.execute("UPDATE runs SET finished_at = finished_at - interval '1 minute'")
        await connection.execute("UPDATE runs SET id = '01890000-0000-7000-8000-000000000000'")
        await connection.execute("UPDATE agent_logs SET run_id = '01890000-0000-7000-8000-000000000000'")
    async with running(Retention(rig.sessions, agent_logs=timedelta(seconds=30))):
        async with asyncio.timeout(10), rig.sessions.path() as connection:
            while await connection.fetchval("SELECT count(*) FROM agent_logs"):
                await asyncio.sleep(0.01)


async def test_nonsense_and_a_flood_harm_nobody(
    rig: Any, bus: Bus, nats_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects, run = Subjects(nats_prefix), await rig.start()
    monkeypatch.setattr(worker, "MAX_WAITING_BYTES", 64 * 1024)
    lost, refused = counted("lost"), counted("refused")
    async with running(LogsWorker(bus, subjects, rig.sessions, Bells())):
        await bus.flush()
        for payload in (b"", b"{}\n", said(run).replace(b'"v":1', b'"v":2'), said(run) + b"\xff"):
            await bus.publish(subjects.logs("host-1"), payload)
        await bus.publish(subjects.logs("host-1"), said(run, *["x" * 8000] * 9))  # more than may wait
        await bus.publish(subjects.logs("host-1"), said(run, "there"))
        await bus.publish(subjects.logs("host-1"), said(run, "again"))
        assert await until_kept(rig, run, 1) == ["there"]
        async with asyncio.timeout(10):
            while counted("refused") < refused + 1:
                await asyncio.sleep(0.01)
    assert counted("lost") == lost + 9
