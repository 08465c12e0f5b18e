"""What an attempt cost is counted once, whoever is told of it how often, whatever becomes of the commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from airlock_chassis.telemetry.metrics import REGISTRY
from airlock_contracts.messages import AttemptId, Report, ReportStatus, Usage
from airlock_contracts.statuses import RunStatus
from airlock_orchestration.engine.signals import AttemptClaimed, RunStarted
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.operations.advance import Door
from airlock_orchestration.operations.clock import PostgresClock
from airlock_orchestration.operations.entries import Advanced
from airlock_orchestration.operations.reports import Reports
from airlock_orchestration.store.door.changes import Applied, RunChange
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache
from airlock_orchestration.telemetry.counts import count

TOKEN = "token-0123456789abcdef"
Added = Callable[[], dict[str, float]]
ONE = [{"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "x"}}]


class UnsurePath(Path):
    """Postgres, whose answer to a commit is lost as often as a test wants: before it, or after it."""

    unheard = 0
    unanswered = 0
    meanwhile: Callable[[], Awaitable[object]] | None = None
    """What happens before it is asked again."""

    async def apply(self, changes: Sequence[RunChange]) -> Applied:
        if self.unheard:
            self.unheard -= 1
            raise StoreUnavailable("the connection broke before the commit")
        applied = await super().apply(changes)
        await self._lose_answer()
        return applied

    async def fail_poisoned(self, run: str) -> bool:
        ended = await super().fail_poisoned(run)
        await self._lose_answer()
        return ended

    async def _lose_answer(self) -> None:
        if self.unanswered:
            self.unanswered -= 1
            if self.meanwhile is not None:
                await self.meanwhile()
            raise StoreUnavailable("the connection broke after the commit")


class Replica:
    """A door that counts, and who settles reports through it."""

    def __init__(self, shop: Any) -> None:
        self.path = UnsurePath(shop.database, PlanCache())
        self.door = Door(self.path, PostgresClock(), count)
        self._reports = Reports(self.door, self.path)
        self._serving = asyncio.create_task(self.door.serve())

    async def close(self) -> None:
        self.door.close()
        await self._serving

    async def start(self, seeded: Any) -> str:
        run = str(uuid4())
        await self.door.start(seeded.creation(), RunStarted(run, "test", "0" * 64), seeded.plan)
        return run

    async def claim(self, run: str) -> Advanced:
        return await self.door.advance(AttemptClaimed(run, "a", 1, TOKEN, "host-1"))

    async def report(self, run: str) -> Advanced:
        report = Report(
            attempt=AttemptId(run=run, node="a", number=1),
            host="host-1",
            token=TOKEN,
            status=ReportStatus.SUCCESS,
            usage=Usage(start_ms=500, run_ms=2500, cpu_ms=750),
        )
        return await self._reports.settle(report, b'{"text": "done"}')


@pytest.fixture
async def replicas(shop: Any) -> AsyncIterator[tuple[Replica, Replica]]:
    both = Replica(shop), Replica(shop)
    yield both
    for one in both:
        await one.close()


@pytest.fixture
def added() -> Added:
    """What counting has added to the figures since the test began."""
    before = figures()
    return lambda: {name: more for name, value in figures().items() if (more := value - before[name])}


def figures() -> dict[str, float]:
    asked = {
        "container": ("workflow_container_seconds_total", {"workflow": "flow", "tag": ""}),
        "cpu": ("workflow_cpu_seconds_total", {"workflow": "flow", "tag": ""}),
        "agent": ("agent_container_seconds_total", {"agent": "echo"}),
        "attempts": ("agent_runs_total", {"agent": "echo", "action": "say", "status": "SUCCESS"}),
        "started": ("workflow_runs_total", {"workflow": "flow", "status": "STARTED", "trigger": "api"}),
        "ended": ("workflow_runs_total", {"workflow": "flow", "status": "SUCCESS", "trigger": "api"}),
        "failed": ("workflow_runs_total", {"workflow": "flow", "status": "FAILED", "trigger": "api"}),
        "cut off": ("agent_runs_total", {"agent": "echo", "action": "say", "status": "CANCELLED"}),
        "withdrawn": (
            "workflow_approval_wait_seconds_count",
            {"workflow": "flow", "status": "WITHDRAWN"},
        ),
        "claims": ("attempts_total", {"status": "RUNNING"}),
    }
    return {key: REGISTRY.get_sample_value(name, labels) or 0.0 for key, (name, labels) in asked.items()}


ONCE = {"container": 3.0, "cpu": 0.75, "agent": 3.0, "attempts": 1, "started": 1, "ended": 1}
"""And nothing else."""


async def test_a_report_that_two_replicas_get_again_and_again_is_counted_once(
    shop: Any, replicas: tuple[Replica, Replica], added: Added
) -> None:
    first, second = replicas
    run = await first.start(await shop.workflow(ONE))
    together = [one.report(run) for one in (first, second, first, second)]
    settled = await asyncio.gather(*together)
    again = [await one.report(run) for one in replicas]
    assert sorted(one.stale for one in settled) == [False, True, True, True]
    assert all(one.stale for one in again)
    assert added() == ONCE


@pytest.mark.parametrize("trouble", ["unheard", "unanswered"])
async def test_a_batch_that_goes_again_is_counted_once(
    trouble: str, shop: Any, replicas: tuple[Replica, Replica], added: Added
) -> None:
    one, _ = replicas
    seeded = await shop.workflow(ONE)
    setattr(one.path, trouble, 1)
    run = await one.start(seeded)
    setattr(one.path, trouble, 1)
    settled = await one.report(run)
    assert settled.run is not None
    assert settled.run.status is RunStatus.SUCCESS
    assert (one.path.unheard, one.path.unanswered) == (0, 0)
    assert added() == ONCE


async def test_a_claim_whose_lease_is_renewed_before_anybody_knows_that_it_was_granted_is_counted_once(
    shop: Any, replicas: tuple[Replica, Replica], added: Added
) -> None:
    one, _ = replicas
    run = await one.start(await shop.workflow(ONE))
    held = [(AttemptId(run=run, node="a", number=1), TOKEN)]
    one.path.meanwhile = lambda: one.path.extend_leases("host-1", held)
    one.path.unanswered = 1
    assert not (await one.claim(run)).stale
    assert added() == {"started": 1, "claims": 1}


async def test_a_run_that_is_ended_by_force_is_counted_whole_and_once(
    shop: Any, replicas: tuple[Replica, Replica], added: Added
) -> None:
    one, _ = replicas
    asking = {**ONE[0], "id": "b", "approval": {}}
    run = await one.start(await shop.workflow([*ONE, asking]))
    await shop.connection.execute(f"ALTER TABLE outputs ADD CHECK (run_id <> '{run}')")
    one.path.unanswered = 1
    assert (await one.report(run)).stale
    assert added() == {"started": 1, "failed": 1, "cut off": 1, "withdrawn": 1}
