"""The door when Postgres refuses, is away or is faster, and when its replica stops: nobody waits for ever."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from airlock_contracts.statuses import NodeStatus, RunStatus
from airlock_orchestration.engine.effects import CloseApproval, RunFinished, WriteAttempt
from airlock_orchestration.engine.signals import AttemptClaimed, AttemptSucceeded, CancelRequested, RunStarted
from airlock_orchestration.engine.state import RunState, Values
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.operations.advance import MAX_WAITING, Door
from airlock_orchestration.operations.batches import AGAIN_AFTER_SECONDS, MAX_BYTES, MAX_MISSES
from airlock_orchestration.operations.clock import PostgresClock
from airlock_orchestration.operations.entries import Advanced, Committed
from airlock_orchestration.store.door.changes import Applied, RunChange
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache

TOKEN = "token-0123456789abcdef"
SISTERS = [
    {"id": name, "agent": "echo", "action": "say", "inputs": {"text": "{{ context.text }}"}} for name in "ab"
]


class TroubledPath(Path):
    """Postgres, with trouble that a test asks for before a statement is sent."""

    def __init__(self, shop: Any) -> None:
        super().__init__(shop.database, PlanCache())
        self.connection = shop.connection
        self.away = 0
        """So many statements find nobody."""
        self.overtaken = 0
        """So many times another replica is faster."""
        self.held: asyncio.Event | None = None
        """What a statement waits for."""
        self.applied: list[int] = []
        """Bytes of the outputs of each statement."""
        self.gathered: list[int] = []
        """Runs whose values were read together."""
        self.unended = 0
        """So many times a run that is to be ended finds nobody."""
        self.unheard = 0
        """So many times a run is ended, and nobody hears of it."""
        self.faster = False
        """Another replica has just ended the run that is to be ended."""

    async def load(self, ids: Iterable[str]) -> Mapping[str, RunState]:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("nobody is there")
        return await super().load(ids)

    async def values(self, wants: Mapping[str, frozenset[str]]) -> Mapping[str, Values]:
        self.gathered.append(len(wants))
        return await super().values(wants)

    async def apply(self, changes: Sequence[RunChange]) -> Applied:
        if self.held is not None:
            await self.held.wait()
        if self.overtaken:
            self.overtaken -= 1
            await self.connection.execute("UPDATE runs SET version = version + 1")
        self.applied.append(
            sum(len(one.output) for c in changes for one in c.effects if hasattr(one, "output"))
        )
        return await super().apply(changes)

    async def fail_poisoned(self, run: str) -> bool:
        if self.unended:
            self.unended -= 1
            raise StoreUnavailable("nobody is there")
        if self.faster:
            assert await super().fail_poisoned(run)
        ended = await super().fail_poisoned(run)
        if self.unheard:
            self.unheard -= 1
            raise StoreUnavailable("the connection broke after the commit")
        return ended


class Replica:
    """A door that is served until a test says otherwise."""

    def __init__(self, shop: Any) -> None:
        self.path = TroubledPath(shop)
        self.committed: list[Committed] = []
        self.door = Door(self.path, PostgresClock(), self.committed.extend)
        self.serving: asyncio.Task[None] | None = None

    def serve(self) -> None:
        self.serving = asyncio.create_task(self.door.serve())

    async def close(self) -> None:
        self.door.close()
        if self.serving is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self.serving

    async def start(self, seeded: Any, run: str | None = None) -> str:
        id_ = run or str(uuid4())
        created = seeded.creation(b'{"text": "hello"}')
        advanced = await self.door.start(created, RunStarted(id_, "test", "0" * 64), seeded.plan)
        assert advanced is not None
        return id_

    def succeed(self, run: str, node: str, text: str = "x") -> asyncio.Task[Advanced]:
        output = json.dumps({"text": text}).encode()
        signal = AttemptSucceeded(run, node, 1, TOKEN, "host", output=output, value={"text": text})
        return asyncio.create_task(self.door.advance(signal))


@pytest.fixture
async def replica(shop: Any) -> AsyncIterator[Replica]:
    one = Replica(shop)
    one.serve()
    yield one
    await one.close()


@pytest.fixture
async def sisters(shop: Any) -> Any:
    return await shop.workflow(SISTERS)


def run_of(advanced: Advanced) -> RunState:
    assert advanced.run is not None
    return advanced.run


async def test_a_signal_about_a_run_that_is_not_there_is_stale(replica: Replica) -> None:
    nobody = str(uuid4())
    assert await replica.door.peek(nobody) is None
    assert await replica.door.advance(CancelRequested(nobody, "ann")) == Advanced(None, stale=True)


async def test_who_was_overtaken_looks_again_and_goes_on(shop: Any, replica: Replica, sisters: Any) -> None:
    run = await replica.start(sisters)
    replica.path.overtaken = 1
    ended = await replica.succeed(run, "a")
    assert run_of(ended).nodes["a"].status is NodeStatus.SUCCESS
    assert len(replica.path.applied) == 3


async def test_who_is_overtaken_again_and_again_begins_the_whole_batch_anew(
    replica: Replica, sisters: Any
) -> None:
    run = await replica.start(sisters)
    replica.path.overtaken = MAX_MISSES + 1
    ended = await replica.succeed(run, "a")
    assert not ended.stale
    assert len(replica.path.applied) == 1 + MAX_MISSES + 1 + 1


async def test_what_postgres_cannot_digest_ends_its_own_run_and_no_other(
    shop: Any, replica: Replica, sisters: Any
) -> None:
    bad, good = await replica.start(sisters), await replica.start(sisters)
    await shop.connection.execute(f"ALTER TABLE outputs ADD CHECK (run_id <> '{bad}')")
    replica.path.unended = 1
    ended, fine = await asyncio.gather(replica.succeed(bad, "a"), replica.succeed(good, "a"))
    assert (run_of(ended).status, ended.stale) == (RunStatus.FAILED, True)
    assert run_of(fine).nodes["a"].status is NodeStatus.SUCCESS
    assert await replica.path.violations() == 0
    told = [(one.step.run.id, effect) for one in replica.committed for effect in one.step.effects]
    assert [(run, end) for run, end in told if isinstance(end, RunFinished)] == [
        (bad, RunFinished(RunStatus.FAILED))
    ]


@pytest.mark.parametrize(
    "trouble",
    [
        {"unended": 1},
        {"unheard": 1},
        {"unended": 1, "faster": True},  # the statement that nobody heard of comes through late
    ],
)
async def test_the_end_of_a_run_that_was_ended_by_force_is_told_whole_and_once(
    trouble: dict[str, Any], shop: Any, replica: Replica
) -> None:
    gated = await shop.workflow([SISTERS[0], {**SISTERS[1], "approval": {}}, {**SISTERS[0], "id": "c"}])
    bad = await replica.start(gated)
    await replica.door.advance(AttemptClaimed(bad, "c", 1, TOKEN, "host"))
    await shop.connection.execute(f"ALTER TABLE outputs ADD CHECK (run_id <> '{bad}')")
    vars(replica.path).update(trouble)
    replica.committed.clear()
    ended = run_of(await replica.succeed(bad, "a"))
    (told,) = replica.committed
    last = await shop.connection.fetchrow("SELECT * FROM events ORDER BY seq DESC LIMIT 1")
    (fact,) = told.step.events
    assert (fact.type, fact.seq, fact.at, fact.data) == (
        last["type"],
        last["seq"],
        last["at"],
        json.loads(last["data"]),
    )
    ends = [(type(one), getattr(one, "node", "")) for one in told.step.effects]
    assert ends == [(WriteAttempt, "a"), (CloseApproval, "b"), (WriteAttempt, "c"), (RunFinished, "")]
    assert told.step.run == ended


async def test_of_a_run_that_another_replica_ends_by_force_that_one_tells(
    shop: Any, replica: Replica, sisters: Any
) -> None:
    bad = await replica.start(sisters)
    await shop.connection.execute(f"ALTER TABLE outputs ADD CHECK (run_id <> '{bad}')")
    replica.path.faster = True
    replica.committed.clear()
    assert (await replica.succeed(bad, "a")).stale
    assert replica.committed == []


async def test_a_trigger_that_postgres_cannot_digest_is_told_why(
    shop: Any, replica: Replica, sisters: Any
) -> None:
    run = str(uuid4())
    await shop.connection.execute(f"ALTER TABLE runs ADD CHECK (id <> '{run}')")
    with pytest.raises(asyncpg.CheckViolationError):
        await replica.start(sisters, run)
    assert await replica.start(sisters) != run


async def test_without_postgres_callers_are_told_after_some_tries_and_the_door_goes_on(
    replica: Replica, sisters: Any
) -> None:
    run = await replica.start(sisters)
    replica.path.away = len(AGAIN_AFTER_SECONDS) + 1
    unknown = str(uuid4())  # not remembered, so Postgres must be asked
    with pytest.raises(StoreUnavailable, match="nobody is there"):
        await replica.door.advance(CancelRequested(unknown, "ann"))
    assert replica.path.away == 0
    assert not (await replica.succeed(run, "a")).stale


async def test_of_outputs_no_batch_takes_more_than_a_statement_may_hold(shop: Any, replica: Replica) -> None:
    chain = await shop.workflow([SISTERS[0], {**SISTERS[1], "depends_on": ["a"]}])
    runs = [await replica.start(chain) for _ in range(20)]
    replica.path.applied.clear()
    replica.path.gathered.clear()
    ends = await asyncio.gather(*(replica.succeed(run, "a", "x" * 500_000) for run in runs))
    assert not any(end.stale for end in ends)
    assert replica.path.gathered == [16, 4]
    assert max(replica.path.applied) <= MAX_BYTES


async def test_more_than_may_wait_are_told_to_come_back(shop: Any) -> None:
    asleep = Replica(shop)
    signal = CancelRequested(str(uuid4()), "ann")
    waiting = [asyncio.create_task(asleep.door.advance(signal)) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match=f"{MAX_WAITING} signals wait already"):
        await asleep.door.advance(signal)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_door_that_is_told_to_stop_commits_what_waits_and_takes_no_more(
    shop: Any, sisters: Any
) -> None:
    one, stop = Replica(shop), asyncio.Event()
    running = asyncio.create_task(one.door.run(stop))
    run = await one.start(sisters)
    waiting = one.succeed(run, "a")
    await asyncio.sleep(0)
    stop.set()
    await running
    assert not (await waiting).stale
    with pytest.raises(StoreUnavailable, match="shutting down"):
        await one.succeed(run, "b")


async def test_a_door_that_is_torn_down_tells_those_inside_and_those_who_wait(
    shop: Any, replica: Replica, sisters: Any
) -> None:
    run, other = await replica.start(sisters), await replica.start(sisters)
    replica.path.held = asyncio.Event()
    inside, gone = replica.succeed(run, "a"), replica.succeed(other, "a")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting = replica.succeed(run, "b")
    gone.cancel()
    await asyncio.sleep(0)
    assert replica.serving is not None
    replica.serving.cancel()
    with pytest.raises(StoreUnavailable, match="this replica was stopped"):
        await inside
    with pytest.raises(StoreUnavailable, match="the door has closed"):
        await waiting
    assert (await shop.load(run)).nodes["a"].status is NodeStatus.QUEUED
