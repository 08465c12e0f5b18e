"""The door on a real Postgres: batches, contention, poison, and nothing lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import pytest
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.statuses import ApprovalStatus, NodeStatus, RunStatus, Verdict
from airlock_orchestration.engine import step as engine_step
from airlock_orchestration.engine.signals import (
    ApprovalDecided,
    AttemptClaimed,
    AttemptFailed,
    AttemptSucceeded,
    CancelRequested,
    LeaseExpired,
    RunStarted,
)
from airlock_orchestration.operations.advance import Door
from airlock_orchestration.operations.clock import PostgresClock
from airlock_orchestration.operations.entries import Committed
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache

TOKEN = "token-0123456789abcdef"


class Replica:
    """One orchestration replica's door, and what it handed over."""

    def __init__(self, shop) -> None:
        self.commits: list[int] = []
        self.committed: list[Committed] = []
        self.path = Path(shop.database, PlanCache())
        self.door = Door(self.path, PostgresClock(), self._after, self.commits.append)
        self._serving = asyncio.create_task(self.door.serve())

    def _after(self, committed: Sequence[Committed]) -> None:
        self.committed += committed

    async def close(self) -> None:
        self.door.close()
        await self._serving

    async def start(self, seeded, run: str | None = None, **creation):
        id_ = run or str(uuid4())
        context = json.dumps({"text": "hello"}).encode()
        created = seeded.creation(context, **creation)
        signal = RunStarted(id_, "test", "0" * 64)
        return await self.door.start(created, signal, seeded.plan)

    async def succeed(self, run: str, node: str, text: str = "x", number: int = 1):
        output = json.dumps({"text": text}).encode()
        return await self.door.advance(
            AttemptSucceeded(run, node, number, TOKEN, "host", output=output, value={"text": text})
        )


@pytest.fixture
async def replica(shop) -> AsyncIterator[Replica]:
    one = Replica(shop)
    yield one
    await one.close()


@pytest.fixture
async def chain(shop):
    nodes = [
        {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "{{ context.text }}"}},
        {
            "id": "b",
            "agent": "echo",
            "action": "say",
            "depends_on": ["a"],
            "inputs": {"text": "{{ nodes.a.output.text }}!"},
        },
    ]
    return await shop.workflow(nodes, name="chain")


@pytest.fixture
async def gated(shop):
    nodes = [
        {"id": "ask", "agent": "echo", "action": "say", "approval": {"expires_in": "1h"}, "inputs": {}},
        {"id": "after", "agent": "echo", "action": "say", "depends_on": ["ask"], "inputs": {}},
    ]
    return await shop.workflow(nodes, name="gated")


async def test_a_chain_runs_through_the_door_and_its_journal_has_no_gap(shop, replica, chain):
    started = await replica.start(chain)
    run = started.run.id
    await replica.succeed(run, "a", "from a")
    ended = await replica.succeed(run, "b")
    assert ended.run.status is RunStatus.SUCCESS
    inputs = await replica.path.inputs([(run, "a"), (run, "b")])
    assert inputs[run, "b"] == b'{"text":"from a!"}'
    seqs = [r["seq"] for r in await shop.connection.fetch("SELECT seq FROM events ORDER BY seq")]
    assert seqs == list(range(1, len(seqs) + 1))
    assert await replica.path.violations() == 0


async def test_signals_that_arrive_together_share_a_commit(replica, chain):
    runs = [(await replica.start(chain)).run.id for _ in range(100)]
    replica.commits.clear()
    ends = await asyncio.gather(*(replica.succeed(run, "a") for run in runs))
    assert all(not end.stale for end in ends)
    assert sum(replica.commits) == 100
    assert len(replica.commits) <= 5


async def test_two_replicas_never_apply_one_report_twice(shop, replica, chain):
    other = Replica(shop)
    runs = [(await replica.start(chain)).run.id for _ in range(20)]
    both = await asyncio.gather(
        *(one.succeed(run, "a", one_text) for run in runs for one, one_text in ((replica, "1"), (other, "2")))
    )
    await other.close()
    assert sum(1 for end in both if not end.stale) == len(runs)
    count = await shop.connection.fetchval("SELECT count(*) FROM attempts WHERE node = 'b'")
    assert count == len(runs)


async def test_a_remembered_state_that_is_old_never_makes_a_signal_stale(shop, replica, chain):
    """Replica one remembers the run before attempt 1 of `b` was dispatched by replica two."""
    run = (await replica.start(chain)).run.id
    other = Replica(shop)
    await other.succeed(run, "a")
    ended = await replica.succeed(run, "b")
    await other.close()
    assert not ended.stale
    assert ended.run.status is RunStatus.SUCCESS


async def test_a_trigger_key_makes_one_run(replica, chain):
    first = await replica.start(chain, trigger_key="k", trigger_fingerprint="f")
    again = await replica.start(chain, trigger_key="k", trigger_fingerprint="f")
    assert first is not None
    assert again is None


async def test_a_lease_that_was_renewed_is_not_lost(shop, replica, chain):
    run = (await replica.start(chain)).run.id
    await replica.door.advance(AttemptClaimed(run, "a", 1, TOKEN, "host"))
    expired = await replica.door.advance(LeaseExpired(run, "a", 1))
    assert expired.refused
    await shop.connection.execute("UPDATE attempts SET lease_until = clock_timestamp() - interval '11 s'")
    expired = await replica.door.advance(LeaseExpired(run, "a", 1))
    assert not expired.stale
    assert expired.run.nodes["a"].attempt.number == 2


async def test_an_expired_approval_cannot_be_approved(shop, replica, gated):
    run = await replica.start(gated)
    approval = run.run.nodes["ask"].approval
    await shop.connection.execute("UPDATE approvals SET expires_at = clock_timestamp() - interval '1 ms'")
    decision = ApprovalDecided(
        run.run.id, "ask", approval.id, Verdict.APPROVED, "ann", approval.payload_sha256
    )
    decided = await replica.door.advance(decision)
    assert decided.refused
    assert decided.run.nodes["ask"].approval.status is ApprovalStatus.PENDING


async def test_many_deciders_and_one_decision(shop, replica, gated):
    other = Replica(shop)
    run = (await replica.start(gated)).run
    approval = run.nodes["ask"].approval
    answers = await asyncio.gather(
        *(
            one.door.advance(
                ApprovalDecided(run.id, "ask", approval.id, verdict, f"p{n}", approval.payload_sha256)
            )
            for n, (one, verdict) in enumerate(
                (one, verdict) for one in (replica, other) for verdict in Verdict for _ in range(5)
            )
        )
    )
    await other.close()
    assert sum(1 for answer in answers if not answer.stale) == 1
    row = await shop.connection.fetchrow("SELECT status, decided_by FROM approvals")
    facts = await shop.connection.fetch("SELECT principal FROM events WHERE type = 'approval.decided'")
    assert [fact["principal"] for fact in facts] == [row["decided_by"]]


async def test_a_poisoned_run_ends_and_holds_up_nobody(shop, replica, chain, monkeypatch):
    bad = (await replica.start(chain)).run.id
    good = (await replica.start(chain)).run.id
    honest = engine_step.step

    def poisoned(run, signal, *rest):
        if run.id == bad:
            raise ZeroDivisionError("a bug in the engine")
        return honest(run, signal, *rest)

    monkeypatch.setattr(engine_step, "step", poisoned)
    ends = await asyncio.gather(replica.succeed(bad, "a"), replica.succeed(good, "a"))
    assert [end.stale for end in ends] == [True, False]
    row = await shop.connection.fetchrow("SELECT status, failure FROM runs WHERE id = $1", bad)
    assert row["status"] == "FAILED"
    assert json.loads(row["failure"])["code"] == "internal"
    assert await replica.path.violations() == 0


async def test_cancel_ends_what_waits_and_lets_what_runs_report(replica, chain):
    run = (await replica.start(chain)).run.id
    await replica.door.advance(AttemptClaimed(run, "a", 1, TOKEN, "host"))
    cancelling = await replica.door.advance(CancelRequested(run, "ann"))
    assert cancelling.run.status is RunStatus.CANCELLING
    assert cancelling.run.nodes["b"].status is NodeStatus.CANCELLED
    failure = Failure(kind=FailureKind.CANCELLED, code="cancelled", message="killed")
    ended = await replica.door.advance(AttemptFailed(run, "a", 1, TOKEN, "host", failure))
    assert ended.run.status is RunStatus.CANCELLED


async def test_a_closed_door_finishes_what_waits(shop, chain):
    one = Replica(shop)
    run = (await one.start(chain)).run.id
    waiting = asyncio.create_task(one.succeed(run, "a"))
    await asyncio.sleep(0)
    await one.close()
    assert not (await waiting).stale
