"""What is due moves its run, and what goes wrong with one of them is not swallowed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
import structlog.testing
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.statuses import AttemptStatus, NodeStatus
from airlock_orchestration.engine.signals import AttemptClaimed, AttemptFailed, RunStarted, Signal
from airlock_orchestration.engine.state import NodeState
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.operations.advance import Door
from airlock_orchestration.operations.clock import PostgresClock
from airlock_orchestration.operations.entries import Advanced
from airlock_orchestration.operations.sweep import Sweep
from airlock_orchestration.store.due import Due
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache
from airlock_orchestration.workers.sweeper import Sweeper

TOKEN = "token-0123456789abcdef"
NODE = {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "x"}} | {
    # Due by the test's word alone.
    "retry": {"max_attempts": 2, "base_delay": "10m", "max_delay": "10m", "jitter": "none"}
}
GATED = NODE | {"approval": {"expires_in": "1h", "on_expiry": "skip"}}
FAILURE = Failure(kind=FailureKind.AGENT, code="agent.error", message="not today", retryable=True)
PAST = "clock_timestamp() - interval '1 minute'"


class Shift:
    """A door, and a sweep over what Postgres says is due."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        self.path = Path(shop.database, PlanCache())
        self.door = Door(self.path, PostgresClock(), lambda committed: None)
        self.sweep = Sweep(self.door, self.path)
        self._serving = asyncio.create_task(self.door.serve())

    async def close(self) -> None:
        self.door.close()
        await self._serving

    async def start(self, node: dict[str, Any], *signals: type[Signal]) -> str:
        seeded = await self.shop.workflow([node], name=f"flow-{uuid4().hex[:8]}")
        run = str(uuid4())
        creation = seeded.creation()
        await self.door.start(creation, RunStarted(run, "test", "0" * 64), seeded.plan)
        if AttemptClaimed in signals:
            await self.door.advance(AttemptClaimed(run, "a", 1, TOKEN, "host"))
        if AttemptFailed in signals:
            await self.door.advance(AttemptFailed(run, "a", 1, TOKEN, "host", FAILURE))
        return run

    async def node(self, run: str) -> NodeState:
        return (await self.path.load([run]))[run].nodes["a"]


@pytest.fixture
async def shift(shop: Any) -> AsyncIterator[Shift]:
    one = Shift(shop)
    await one.sweep.once()
    yield one
    await one.close()


@pytest.mark.parametrize(
    ("node", "signals", "overdue", "ends"),
    [
        (NODE, (), "attempts SET redispatch_at", (NodeStatus.QUEUED, 1, 2)),
        (NODE, (AttemptClaimed,), "attempts SET deadline", (NodeStatus.BACKING_OFF, 1, 1)),
        (NODE, (AttemptClaimed,), "attempts SET lease_until", (NodeStatus.QUEUED, 2, 1)),
        (NODE, (AttemptClaimed, AttemptFailed), "nodes SET retry_at", (NodeStatus.QUEUED, 2, 1)),
        (GATED, (), "approvals SET expires_at", (NodeStatus.SKIPPED, None, None)),
    ],
    ids=["redispatch", "deadline", "lease", "retry", "approval"],
)
async def test_what_is_due_moves_its_node_once(
    shop: Any, shift: Shift, node: Any, signals: Any, overdue: str, ends: Any
) -> None:
    run = await shift.start(node, *signals)
    assert await shift.sweep.once() == 0
    await shop.connection.execute(f"UPDATE {overdue} = {PAST}")
    assert await shift.sweep.once() == 1
    found = await shift.node(run)
    attempt = found.attempt
    assert (found.status, attempt and attempt.number, attempt and attempt.sends) == ends
    assert await shift.sweep.once() == 0
    assert await shift.path.violations() == 0


class Brittle(Door):
    """A door that fails for one run with an error of the test's choice."""

    def __init__(self, door: Door, bad: str, error: Exception) -> None:
        self._door, self._bad, self._error = door, bad, error

    async def advance(self, signal: Signal) -> Advanced:
        if signal.run == self._bad:
            raise self._error
        return await self._door.advance(signal)


async def overdue_pair(shop: Any, shift: Shift) -> tuple[str, str]:
    pair = await shift.start(NODE, AttemptClaimed), await shift.start(NODE, AttemptClaimed)
    await shop.connection.execute(f"UPDATE attempts SET lease_until = {PAST}")
    return pair


async def test_a_door_that_cannot_be_asked_about_one_is_asked_at_the_next_sweep(
    shop: Any, shift: Shift
) -> None:
    bad, good = await overdue_pair(shop, shift)
    brittle = Brittle(shift.door, bad, StoreUnavailable("Postgres is away"))
    assert await Sweep(brittle, shift.path).once() == 1
    assert (await shift.node(good)).status is NodeStatus.QUEUED
    assert await shift.sweep.once() == 1
    assert (await shift.node(bad)).losses == 1


async def test_a_bug_met_by_one_signal_is_loud_once_the_others_are_through(shop: Any, shift: Shift) -> None:
    bad, good = await overdue_pair(shop, shift)
    with pytest.raises(ZeroDivisionError):
        await Sweep(Brittle(shift.door, bad, ZeroDivisionError()), shift.path).once()
    assert (await shift.node(good)).status is NodeStatus.QUEUED
    attempt = (await shift.node(bad)).attempt
    assert attempt is not None
    assert attempt.status is AttemptStatus.RUNNING


class Flaky(Path):
    """Postgres, away at the first look."""

    away = True

    async def due(self) -> Sequence[Due]:
        if self.away:
            self.away = False
            raise StoreUnavailable("Postgres is away")
        return await super().due()


async def test_an_outage_is_waited_out_and_broken_certificates_and_forgotten_hosts_are_told(
    shift: Shift,
) -> None:
    stop = asyncio.Event()

    async def certify() -> int:
        return 3

    async def forget() -> int:
        stop.set()
        return 2

    sweep = Sweep(shift.door, Flaky(shift.shop.database, PlanCache()))
    with structlog.testing.capture_logs() as told:
        async with asyncio.timeout(10):
            await Sweeper(sweep, certify, forget).run(stop)
    facts = [(line["event"], line["log_level"]) for line in told]
    assert facts == [
        ("sweep.postponed", "warning"),
        ("certificate.violated", "error"),
        ("hosts.forgotten", "info"),
    ]
