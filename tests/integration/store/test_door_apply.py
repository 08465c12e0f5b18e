"""The door's statement: what matches is written whole, and what does not leaves no trace."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import Usage
from airlock_contracts.statuses import ApprovalStatus, NodeStatus, RunStatus, Verdict
from airlock_orchestration.engine.signals import (
    ApprovalDecided,
    AttemptFailed,
    CancelRequested,
    Evidence,
)
from airlock_orchestration.store.certificate import violations
from airlock_orchestration.store.door.apply import apply


async def test_a_run_is_loaded_as_it_was_written(shop: Any, kit: Any) -> None:
    change = shop.start(await shop.workflow(kit.CHAIN))
    run = await shop.go(change)
    expected = replace(change.run, version=1)
    assert replace(run, plan=expected.plan) == expected
    assert run.plan.nodes.keys() == expected.plan.nodes.keys()
    assert run.nodes["a"].status is NodeStatus.QUEUED


async def test_a_gate_that_was_decided_is_loaded_as_it_was_written(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.GATED)))
    run = await shop.go(shop.change(run, kit.succeeded(run.id)))
    asked = run.nodes["ask"].approval
    assert asked.decided_at is None
    decided = ApprovalDecided(run.id, "ask", asked.id, Verdict.APPROVED, "ann", asked.payload_sha256)
    run = await shop.go(change := shop.change(run, decided, now=kit.START + kit.SECOND))
    assert run.nodes == change.run.nodes
    assert run.nodes["ask"].approval.decided_at == kit.START + kit.SECOND


async def test_a_chain_runs_to_its_end_and_every_state_is_loaded_as_it_was_written(
    shop: Any, kit: Any
) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    for node in ("a", "b"):
        for signal in (kit.claimed(run.id, node), kit.succeeded(run.id, node)):
            change = shop.change(run, signal)
            run = await shop.go(change)
            assert replace(run, plan=change.run.plan) == replace(
                change.run,
                version=change.before_version + 1,
                counts={status: count for status, count in change.run.counts.items() if count},
            )
            assert await violations(shop.connection) == []
    assert run.status is RunStatus.SUCCESS
    assert [row["seq"] for row in await shop.rows("events")] == list(range(1, run.last_event + 1))
    assert {row["node"]: row["output"] for row in await shop.rows("outputs")} == {
        "a": b'{"text": "hi"}',
        "b": b'{"text": "hi"}',
    }


async def test_a_change_that_builds_on_an_old_version_writes_nothing(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(kit.CHAIN)
    run = await shop.go(shop.start(seeded))
    late = shop.change(run, kit.claimed(run.id, token="token-of-somebody-else"))
    won = await shop.go(shop.change(run, kit.claimed(run.id)))
    other = shop.start(seeded)
    applied = await shop.apply(late, other)
    assert applied.matched == {other.run.id}
    assert applied.refused == set()
    assert await shop.load(run.id) == replace(won, plan=(await shop.load(run.id)).plan)


async def test_a_run_that_exists_is_not_made_again(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(kit.CHAIN)
    first = shop.start(seeded)
    await shop.go(first)
    assert (await shop.apply(shop.start(seeded, run=first.run.id))).matched == set()
    assert len(await shop.rows("runs")) == 1
    assert len(await shop.rows("events")) == len(first.events)


async def test_a_trigger_key_makes_one_run_however_many_ask_at_once(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(kit.CHAIN)
    changes = [shop.start(seeded, trigger_key="once", trigger_fingerprint="f") for _ in range(8)]

    async def one(change: Any) -> frozenset[str]:
        async with shop.database.path() as connection:
            return (await apply(connection, [change])).matched

    matched = await asyncio.gather(*(one(change) for change in changes[:6]))
    assert sum(len(ids) for ids in matched) == 1
    assert (await shop.apply(*changes[6:])).matched == set()
    assert len(await shop.rows("runs")) == 1
    assert {row["run_id"] for row in await shop.rows("nodes")} == {
        row["id"] for row in await shop.rows("runs")
    }


async def test_one_batch_with_one_key_twice_makes_one_run(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(kit.CHAIN)
    changes = [shop.start(seeded, trigger_key="once") for _ in range(2)]
    assert len((await shop.apply(*changes)).matched) == 1
    assert len(await shop.rows("runs")) == 1


async def test_of_two_that_build_on_one_version_one_wins(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    claims = [shop.change(run, kit.claimed(run.id, token=f"token-number-{n:08}")) for n in range(6)]

    async def one(change: Any) -> frozenset[str]:
        async with shop.database.path() as connection:
            return (await apply(connection, [change])).matched

    matched = await asyncio.gather(*(one(claim) for claim in claims))
    assert sum(len(ids) for ids in matched) == 1
    winner = claims[[bool(ids) for ids in matched].index(True)]
    assert (await shop.rows("attempts"))[0]["token"] == winner.run.nodes["a"].attempt.token
    assert (await shop.load(run.id)).version == 2


async def test_batches_that_share_runs_in_any_order_never_wait_in_a_circle(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(kit.CHAIN)
    starts = [shop.start(seeded) for _ in range(20)]
    await shop.apply(*starts)
    runs = [replace(change.run, version=1) for change in starts]

    async def claim_all(some: list[Any], token: str) -> int:
        async with shop.database.path() as connection:
            changes = [shop.change(run, kit.claimed(run.id, token=token)) for run in some]
            return len((await apply(connection, changes)).matched)

    counts = await asyncio.gather(
        *(claim_all(runs if n % 2 else runs[::-1], f"token-number-{n:08}") for n in range(6))
    )
    assert sum(counts) == len(runs)


async def test_several_signals_of_one_run_are_one_change(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    evidence = Evidence(stderr_tail="seen", usage=Usage(run_ms=1.5))
    change = shop.change(
        run, kit.claimed(run.id), kit.succeeded(run.id, evidence=evidence), kit.claimed(run.id, "b")
    )
    run = await shop.go(change)
    assert run.version == 2
    a, b = await shop.rows("attempts")
    assert (a["status"], a["stderr_tail"], a["usage"]) == ("SUCCESS", "seen", '{"run_ms": 1.5}')
    assert (b["status"], b["number"]) == ("RUNNING", 1)


async def test_what_postgres_refuses_is_replaced_in_what_people_read(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    failure = Failure(
        kind=FailureKind.AGENT,
        code="agent.error",
        message="nul \x00",
        details={"key\x00": ["\x00", "\ud800", float("nan"), 2**70, "\\u0000"]},
    )
    signal = AttemptFailed(
        run=run.id,
        node="a",
        number=1,
        token=kit.TOKEN,
        host="host-1",
        failure=failure,
        evidence=Evidence(raw_output=b"\x00raw\xff", stderr_tail="tail \x00 \ud800"),
    )
    run = await shop.go(shop.change(run, signal))
    assert run.failure is not None
    assert run.failure.message == "nul \ufffd"
    assert run.failure.details == {"key\ufffd": ["\ufffd", "?", None, 2**70, "\\u0000"]}
    attempt = (await shop.rows("attempts"))[0]
    assert attempt["stderr_tail"] == "tail \ufffd ?"
    assert attempt["raw_output"] == b"\x00raw\xff"


async def test_a_gate_asks_and_its_answer_is_written_down(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.GATED)))
    run = await shop.go(shop.change(run, kit.succeeded(run.id)))
    assert run.status is RunStatus.WAITING_APPROVAL
    asked = (await shop.rows("approvals"))[0]
    assert (asked["status"], asked["preview"], asked["requested_at"]) == ("PENDING", "say hi", kit.START)
    gate = run.nodes["ask"].approval
    decision = ApprovalDecided(
        run=run.id,
        node="ask",
        approval=gate.id,
        verdict=Verdict.APPROVED,
        principal="bob",
        payload_sha256=gate.payload_sha256,
        notes="fine \x00",
    )
    run = await shop.go(shop.change(run, decision, now=kit.START + kit.SECOND))
    assert run.nodes["ask"].status is NodeStatus.QUEUED
    assert run.nodes["ask"].approval.status is ApprovalStatus.APPROVED
    row = (await shop.rows("approvals"))[0]
    assert (row["decided_by"], row["decided_at"], row["notes"]) == (
        "bob",
        kit.START + kit.SECOND,
        "fine \ufffd",
    )


async def test_a_gate_asked_and_withdrawn_by_one_batch_is_one_closed_row(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.GATED)))
    run = await shop.go(shop.change(run, kit.succeeded(run.id), CancelRequested(run.id, "carol", "wrong")))
    assert run.status is RunStatus.CANCELLED
    row = (await shop.rows("approvals"))[0]
    assert (row["status"], row["decided_by"]) == ("WITHDRAWN", "carol")
    assert await violations(shop.connection) == []


async def test_creation_without_a_version_is_a_bug_and_loud(shop: Any, kit: Any) -> None:
    change = shop.start(await shop.workflow(kit.CHAIN))
    with pytest.raises(ValueError, match="contradict"):
        await shop.apply(replace(change, before_version=3))
    with pytest.raises(ValueError, match="empty"):
        await shop.apply()


async def test_an_unknown_run_does_not_match(shop: Any, kit: Any) -> None:
    change = shop.start(await shop.workflow(kit.CHAIN))
    ghost = replace(change, before_version=1, created=None, run=replace(change.run, id=str(uuid4())))
    assert (await shop.apply(ghost)).matched == set()
    assert await shop.rows("nodes") == []
