"""The door where things go wrong together: repeated reports, unreadable runs, broken commits, sizes."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from uuid import uuid4

import pytest
from airlock_contracts.messages import AttemptId, Report, ReportStatus
from airlock_contracts.statuses import ApprovalStatus, NodeStatus, RunStatus, Verdict
from airlock_orchestration.engine.signals import (
    ApprovalDecided,
    AttemptClaimed,
    AttemptSucceeded,
    CancelRequested,
    LeaseExpired,
    RunStarted,
)
from airlock_orchestration.engine.state import RunState
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.operations.advance import Door
from airlock_orchestration.operations.batches import MAX_BYTES
from airlock_orchestration.operations.clock import PostgresClock
from airlock_orchestration.operations.entries import Committed
from airlock_orchestration.operations.reports import Reports
from airlock_orchestration.store.door.changes import Applied, RunChange
from airlock_orchestration.store.door.rows import rows_of
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache

TOKEN = "token-0123456789abcdef"


class FaultyPath(Path):
    """Postgres behind a connection that may break between a commit and its answer."""

    def __init__(self, shop) -> None:
        super().__init__(shop.database, PlanCache())
        self.breaks = 0
        self.bytes_written: list[int] = []
        self.loads: list[list[str]] = []

    async def load(self, ids: Iterable[str]) -> Mapping[str, RunState]:
        self.loads.append(list(ids))
        return await super().load(self.loads[-1])

    async def apply(self, changes: Sequence[RunChange]) -> Applied:
        rows = rows_of(changes)
        self.bytes_written.append(
            sum(len(one) for some in rows.values() for row in some for one in row if isinstance(one, bytes))
        )
        applied = await super().apply(changes)
        if self.breaks:
            self.breaks -= 1
            raise StoreUnavailable("the connection broke behind the commit")
        return applied


class Replica:
    """One replica's door on a connection that tests may break."""

    def __init__(self, shop) -> None:
        self.path = FaultyPath(shop)
        self.committed: list[Committed] = []
        self.door = Door(self.path, PostgresClock(), self._after)
        self._serving = asyncio.create_task(self.door.serve())

    def _after(self, committed: Sequence[Committed]) -> None:
        self.committed += committed

    async def close(self) -> None:
        self.door.close()
        await self._serving

    async def start(self, seeded, context: bytes = b'{"text": "hello"}'):
        run = str(uuid4())
        created = seeded.creation(context)
        advanced = await self.door.start(created, RunStarted(run, "test", "0" * 64), seeded.plan)
        assert advanced is not None
        return advanced.run

    async def succeed(self, run: str, node: str, text: str = "x"):
        output = json.dumps({"text": text}).encode()
        return await self.door.advance(
            AttemptSucceeded(run, node, 1, TOKEN, "host", output=output, value={"text": text})
        )


@pytest.fixture
async def replica(shop) -> AsyncIterator[Replica]:
    one = Replica(shop)
    yield one
    await one.close()


def say(id_: str, text: str = "", parents: Sequence[str] = (), **more):
    inputs = {"text": text}
    return {"id": id_, "agent": "echo", "action": "say", "depends_on": list(parents), "inputs": inputs} | more


async def test_a_report_that_comes_again_beside_its_sisters_leaves_its_output_to_their_child(shop, replica):
    seeded = await shop.workflow(
        [say("a"), say("b"), say("join", "{{ nodes.a.output.text }}{{ nodes.b.output.text }}", ["a", "b"])]
    )
    run = (await replica.start(seeded)).id
    await replica.succeed(run, "a", "A")
    again, _ = await asyncio.gather(replica.succeed(run, "a", "A"), replica.succeed(run, "b", "B"))
    assert again.run.nodes["join"].status is NodeStatus.QUEUED
    assert (await replica.path.inputs([(run, "join")]))[run, "join"] == b'{"text":"AB"}'


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE runs SET agents = '{}' WHERE id = $1",
        "UPDATE runs SET context = '\\xff' WHERE id = $1",
    ],
)
async def test_a_run_that_cannot_be_read_ends_and_holds_up_nobody(shop, replica, damage):
    seeded = await shop.workflow([say("a"), say("b", "{{ context.text }}", ["a"])])
    bad, good = (await replica.start(seeded)).id, (await replica.start(seeded)).id
    await shop.connection.execute(damage, bad)
    other = Replica(shop)  # remembers neither
    _, fine = await asyncio.gather(other.succeed(bad, "a"), other.succeed(good, "a"))
    assert not fine.stale
    row = await shop.connection.fetchrow("SELECT status, failure FROM runs WHERE id = $1", bad)
    assert row["status"] == "FAILED"
    assert json.loads(row["failure"])["code"] == "internal"
    assert not (await other.succeed(good, "b")).stale
    await other.close()
    assert await replica.path.violations() == 0


async def test_a_run_that_cannot_even_be_ended_holds_up_nobody(shop, replica):
    seeded = await shop.workflow([say("a")])
    bad, good = (await replica.start(seeded)).id, (await replica.start(seeded)).id
    await shop.connection.execute("UPDATE runs SET agents = '{}' WHERE id = $1", bad)
    await shop.connection.execute(
        f"ALTER TABLE runs ADD CONSTRAINT stuck CHECK (id <> '{bad}' OR status <> 'FAILED')"
    )
    other = Replica(shop)
    ended, fine = await asyncio.gather(other.succeed(bad, "a"), other.succeed(good, "a"))
    await other.close()
    assert (ended.run, ended.stale) == (None, True)
    assert fine.run.status is RunStatus.SUCCESS


async def test_the_leases_of_a_wide_run_lapse_together_but_for_the_renewed_one(shop, replica):
    names = [f"n{i}" for i in range(120)]
    seeded = await shop.workflow([say(name) for name in names])
    run = (await replica.start(seeded)).id
    await asyncio.gather(
        *(replica.door.advance(AttemptClaimed(run, name, 1, TOKEN, "host")) for name in names)
    )
    await shop.connection.execute(
        "UPDATE attempts SET lease_until = clock_timestamp() - interval '11 s' WHERE node <> 'n7'"
    )
    ends = await asyncio.gather(*(replica.door.advance(LeaseExpired(run, name, 1)) for name in names))
    assert [name for name, end in zip(names, ends, strict=True) if end.refused] == ["n7"]
    assert sum(not end.stale for end in ends) == len(names) - 1


async def test_leases_that_lapse_together_share_a_commit(shop, replica):
    names = [f"n{i}" for i in range(60)]
    seeded = await shop.workflow([say(name) for name in names])
    run = (await replica.start(seeded)).id
    await asyncio.gather(
        *(replica.door.advance(AttemptClaimed(run, name, 1, TOKEN, "host")) for name in names)
    )
    await shop.connection.execute("UPDATE attempts SET lease_until = clock_timestamp() - interval '11 s'")
    before = len(replica.committed)
    await asyncio.gather(*(replica.door.advance(LeaseExpired(run, name, 1)) for name in names))
    assert len(replica.committed) - before <= 2


async def test_a_decision_whose_commit_broke_is_not_called_late_and_is_dispatched_at_once(shop, replica):
    seeded = await shop.workflow([say("ask", approval={"expires_in": "1h"})], name="gated")
    run = await replica.start(seeded)
    approval = run.nodes["ask"].approval
    decision = ApprovalDecided(run.id, "ask", approval.id, Verdict.APPROVED, "ann", approval.payload_sha256)
    replica.path.breaks, before = 1, len(replica.committed)
    decided = await replica.door.advance(decision)
    assert not decided.stale
    assert decided.run.nodes["ask"].approval.status is ApprovalStatus.APPROVED
    assert len(replica.committed) - before == 1
    assert await shop.connection.fetchval("SELECT count(*) FROM attempts") == 1


async def test_a_trigger_whose_commit_broke_makes_one_run(shop, replica):
    seeded = await shop.workflow([say("a")])
    replica.path.breaks = 1
    run = await replica.start(seeded)
    assert run.status is RunStatus.RUNNING
    assert await shop.connection.fetchval("SELECT count(*) FROM runs") == 1
    assert [one.step.run.id for one in replica.committed] == [run.id]


async def test_what_others_did_behind_a_broken_commit_is_seen(shop, replica):
    """The commit landed, its answer was lost, and meanwhile another replica cancelled the run."""
    seeded = await shop.workflow([say("a"), say("b", parents=["a"])])
    run = (await replica.start(seeded)).id
    other = Replica(shop)
    honest = replica.path.load

    async def cancelled_first(ids):
        replica.path.load = honest
        await other.door.advance(CancelRequested(run, "ann"))
        return await honest(ids)

    replica.path.breaks, replica.path.load = 1, cancelled_first
    ended = await replica.succeed(run, "a")
    await other.close()
    assert ended.run.status is RunStatus.CANCELLED
    assert ended.run.nodes["a"].status is NodeStatus.SUCCESS


async def test_no_statement_is_larger_than_it_may_be_also_by_the_inputs_that_outputs_open(shop, replica):
    context = json.dumps({"text": "x" * 200_000}).encode()
    seeded = await shop.workflow(
        [say("a"), *(say(f"b{n}", "{{ context.text }}", ["a"]) for n in range(5))], name="wide"
    )
    runs = [(await replica.start(seeded, context)).id for _ in range(20)]
    replica.path.bytes_written.clear()
    ends = await asyncio.gather(*(replica.succeed(run, "a") for run in runs))
    assert all(not end.stale for end in ends)
    assert sum(replica.path.bytes_written) > 2 * MAX_BYTES
    assert max(replica.path.bytes_written) <= MAX_BYTES


async def test_a_caller_that_goes_away_takes_nobody_with_it(shop, replica):
    seeded = await shop.workflow([say("a")])
    runs = [(await replica.start(seeded)).id for _ in range(4)]
    calls = [asyncio.create_task(replica.succeed(run, "a")) for run in runs]
    await asyncio.sleep(0)
    calls[1].cancel()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(ends[1], asyncio.CancelledError)
    assert [ends[n].run.status for n in (0, 2, 3)] == [RunStatus.SUCCESS] * 3
    assert not (await replica.succeed((await replica.start(seeded)).id, "a")).stale


async def test_a_report_about_a_node_that_nobody_asked_for_is_stale_whatever_it_names(shop, replica):
    seeded = await shop.workflow([say("a"), say("b", parents=["a"])])
    run = (await replica.start(seeded)).id
    named = {"artifact": "sha256:" + "1" * 64, "size": 1, "media_type": "text/plain"}
    report = Report(
        attempt=AttemptId(run=run, node="b", number=1), host="host", token=TOKEN, status=ReportStatus.SUCCESS
    )
    settled = await Reports(replica.door, replica.path).settle(report, json.dumps({"file": named}).encode())
    assert settled.stale
    assert settled.run.nodes["b"].status is NodeStatus.PENDING


async def test_a_report_about_a_run_that_is_not_remembered_reads_it_once(shop, replica):
    seeded = await shop.workflow([say("a"), say("b", parents=["a"])])
    run = (await replica.start(seeded)).id
    other = Replica(shop)
    report = Report(
        attempt=AttemptId(run=run, node="a", number=1), host="host", token=TOKEN, status=ReportStatus.SUCCESS
    )
    settled = await Reports(other.door, other.path).settle(report, b'{"text": "x"}')
    await other.close()
    assert not settled.stale
    assert other.path.loads == [[run]]
