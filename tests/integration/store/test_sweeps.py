"""Sweeps of several replicas on a real Postgres: our outage is nobody's loss, a dead host's still is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from airlock_contracts.statuses import NodeStatus
from airlock_orchestration.engine.signals import AttemptClaimed, RunStarted
from airlock_orchestration.operations.advance import Door
from airlock_orchestration.operations.clock import PostgresClock
from airlock_orchestration.operations.sweep import Sweep
from airlock_orchestration.store import due
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache
from airlock_orchestration.workers.sweeper import Sweeper

TOKEN = "token-0123456789abcdef"
NODE = {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "x"}}


class Shift:
    """A door, a path to Postgres, and sweeps of as many replicas as a test likes."""

    def __init__(self, shop: Any) -> None:
        self.path = Path(shop.database, PlanCache())
        self.door = Door(self.path, PostgresClock(), lambda committed: None)
        self.connected = True
        self._connection = shop.connection
        self._serving = asyncio.create_task(self.door.serve())

    def replica(self) -> Sweep:
        return Sweep(self.door, self.path, lambda: not self.connected)

    async def close(self) -> None:
        self.door.close()
        await self._serving

    async def running(self, seeded: Any) -> str:
        run = str(uuid4())
        creation = seeded.creation()
        await self.door.start(creation, RunStarted(run, "test", "0" * 64), seeded.plan)
        await self.door.advance(AttemptClaimed(run, "a", 1, TOKEN, "host"))
        return run

    async def lapse(self) -> None:
        """The hosts of all attempts have been silent for 41 s."""
        await self._connection.execute(
            "UPDATE attempts SET lease_until = clock_timestamp() - interval '11 s' WHERE status = 'RUNNING'"
        )

    async def attempts(self) -> list[str]:
        return [r[0] for r in await self._connection.fetch("SELECT status FROM attempts ORDER BY number")]


@pytest.fixture
async def shift(shop: Any) -> AsyncIterator[Shift]:
    one = Shift(shop)
    yield one
    await one.close()


async def test_after_an_outage_of_ours_hosts_have_time_to_come_back(shop: Any, shift: Shift) -> None:
    await shift.running(await shop.workflow([NODE]))
    await shift.lapse()
    await shift.replica().once()
    assert await shift.attempts() == ["RUNNING"]
    await shift.lapse()
    await shift.replica().once()
    assert await shift.attempts() == ["LOST", "DISPATCHED"]


async def test_a_replica_that_starts_beside_a_healthy_one_gives_dead_hosts_no_time(
    shop: Any, shift: Shift
) -> None:
    await shift.running(await shop.workflow([NODE]))
    await shift.replica().once()
    await shift.lapse()
    await shift.replica().once()  # its first
    assert await shift.attempts() == ["LOST", "DISPATCHED"]


async def test_a_gap_of_all_sweeps_is_an_outage(shop: Any, shift: Shift) -> None:
    replica = shift.replica()
    await replica.once()
    await shift.running(await shop.workflow([NODE]))
    await shift.lapse()
    await shop.connection.execute("UPDATE sweeps SET at = at - interval '11 s'")
    await replica.once()
    assert await shift.attempts() == ["RUNNING"]


async def test_a_replica_without_the_bus_calls_nobody_lost_and_its_return_is_that_of_an_outage(
    shop: Any, shift: Shift
) -> None:
    replica = shift.replica()
    await replica.once()
    await shift.running(await shop.workflow([NODE]))
    await shift.lapse()
    shift.connected = False
    await shop.connection.execute("UPDATE sweeps SET at = at - interval '11 s'")
    await replica.once()
    assert await shift.attempts() == ["RUNNING"]
    shift.connected = True
    await replica.once()
    assert await shift.attempts() == ["RUNNING"]


async def test_without_the_bus_nothing_is_sent_again(shop: Any, shift: Shift) -> None:
    replica = shift.replica()
    await shift.running(await shop.workflow([NODE]))
    await shift.lapse()
    await replica.once()
    await shift.lapse()
    await replica.once()
    await shop.connection.execute(
        "UPDATE attempts SET redispatch_at = clock_timestamp() - interval '1 s' WHERE status = 'DISPATCHED'"
    )
    sends = "SELECT sends FROM attempts WHERE status = 'DISPATCHED'"
    shift.connected = False
    await replica.once()
    assert await shop.connection.fetchval(sends) == 1


async def test_more_than_one_look_finds_is_swept_without_a_rest(
    shop: Any, shift: Shift, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded = await shop.workflow([NODE | {"id": f"n{i}", "retry": {"max_attempts": 3}} for i in range(40)])
    run = str(uuid4())
    creation = seeded.creation()
    started = await shift.door.start(creation, RunStarted(run, "test", "0" * 64), seeded.plan)
    assert {node.status for node in started.run.nodes.values()} == {NodeStatus.QUEUED}
    await asyncio.gather(
        *(shift.door.advance(AttemptClaimed(run, f"n{i}", 1, TOKEN, "host")) for i in range(40))
    )
    await shift.replica().once()
    await shift.lapse()
    monkeypatch.setattr(due.read_due, "__defaults__", (8,))
    monkeypatch.setattr("airlock_orchestration.workers.sweeper.DUE_LIMIT", 8)
    monkeypatch.setattr("airlock_orchestration.workers.sweeper.SWEEP_SECONDS", 3600.0)
    stop = asyncio.Event()

    async def nothing() -> int:
        return 0

    sweeping = asyncio.create_task(Sweeper(shift.replica(), nothing, nothing).run(stop))
    async with asyncio.timeout(20):
        while "RUNNING" in await shift.attempts():
            await asyncio.sleep(0.01)
    stop.set()
    await sweeping
