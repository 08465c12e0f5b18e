"""What must be exact is compared while the run is locked, and the artifacts that are named must be there."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.statuses import NodeStatus
from airlock_orchestration.engine.effects import WriteAttempt
from airlock_orchestration.engine.signals import ApprovalExpired, LeaseExpired
from airlock_orchestration.store.attempts import extend_leases
from airlock_orchestration.store.door.apply import apply
from airlock_orchestration.store.door.changes import ExpiryGuard, LeaseGuard

DIGEST = "a" * 64


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def running(shop: Any, kit: Any, lease_ended: float) -> Any:
    """A run whose attempt's lease ended so many seconds ago."""
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN, name="chain")))
    return await shop.go(shop.change(run, kit.claimed(run.id), now=ago(30 + lease_ended)))


def lost(shop: Any, run: Any) -> Any:
    signal = LeaseExpired(run.id, "a", 1)
    return shop.change(run, signal, guards=[LeaseGuard("a", 1)])


async def test_an_attempt_is_lost_ten_seconds_after_its_lease(shop: Any, kit: Any) -> None:
    run = await running(shop, kit, lease_ended=10.5)
    run = await shop.go(lost(shop, run))
    assert [row["status"] for row in await shop.rows("attempts")] == ["LOST", "DISPATCHED"]


async def test_a_lease_that_ended_just_now_is_not_lost_yet(shop: Any, kit: Any) -> None:
    run = await running(shop, kit, lease_ended=8)
    other = shop.start(await shop.workflow(kit.CHAIN, name="other"))
    applied = await shop.apply(lost(shop, run), other)
    assert applied.matched == {other.run.id}
    assert applied.refused == {run.id}
    assert (await shop.load(run.id)).version == run.version
    assert len(await shop.rows("attempts")) == 2


async def test_a_heartbeat_in_between_saves_the_attempt(shop: Any, kit: Any) -> None:
    run = await running(shop, kit, lease_ended=60)
    change = lost(shop, run)
    await extend_leases(shop.connection, "host-1", [(run.id, "a", 1, kit.TOKEN)], 30)
    assert (await shop.apply(change)).refused == {run.id}


async def test_a_heartbeat_that_commits_while_the_door_waits_for_it_saves_the_attempt(
    shop: Any, kit: Any
) -> None:
    run = await running(shop, kit, lease_ended=60)
    async with shop.database.path() as heart, shop.database.path() as door:
        async with heart.transaction():
            await extend_leases(heart, "host-1", [(run.id, "a", 1, kit.TOKEN)], 30)
            waiting = asyncio.create_task(apply(door, [lost(shop, run)]))
            await kit.until_waiting(shop.connection)
        applied = await waiting
    assert applied.refused == {run.id}


async def test_a_late_claim_never_shortens_a_lease(shop: Any, kit: Any) -> None:
    run = await running(shop, kit, lease_ended=-20)
    await extend_leases(shop.connection, "host-1", [(run.id, "a", 1, kit.TOKEN)], 300)
    longer = (await shop.rows("attempts"))[0]["lease_until"]
    # A second write of the same state, as a repeated claim might bring.
    change = shop.change(run, kit.claimed(run.id))
    await shop.go(replace(change, effects=(WriteAttempt("a", run.nodes["a"].attempt),)))
    assert (await shop.rows("attempts"))[0]["lease_until"] == longer


async def test_an_approval_expires_by_postgres_clock(shop: Any, kit: Any) -> None:
    for asked, expired in ((ago(3601), True), (ago(3500), False)):
        name = f"flow-{expired}".lower()
        run = await shop.go(shop.start(await shop.workflow(kit.GATED, name=name)))
        run = await shop.go(shop.change(run, kit.succeeded(run.id), now=asked))
        approval = run.nodes["ask"].approval.id
        change = shop.change(
            run, ApprovalExpired(run.id, "ask", approval), guards=[ExpiryGuard(approval, expired=True)]
        )
        decide = shop.change(
            run, ApprovalExpired(run.id, "ask", approval), guards=[ExpiryGuard(approval, expired=False)]
        )
        assert (await shop.apply(decide if expired else change)).refused == {run.id}
        assert (await shop.load(run.id)).nodes["ask"].status is NodeStatus.WAITING_APPROVAL
        assert (await shop.apply(change if expired else decide)).matched == {run.id}


async def test_who_comes_too_late_is_told_so_and_not_that_a_guard_failed(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.GATED)))
    run = await shop.go(shop.change(run, kit.succeeded(run.id), now=ago(0)))
    approval = run.nodes["ask"].approval.id
    signal = ApprovalExpired(run.id, "ask", approval)
    changes = [shop.change(run, signal, guards=[ExpiryGuard(approval, expired=False)]) for _ in range(2)]
    assert (await shop.apply(changes[0])).matched == {run.id}
    late = await shop.apply(changes[1])
    assert (late.matched, late.refused) == (frozenset(), frozenset())
    other = await running(shop, kit, lease_ended=60)
    change = lost(shop, other)
    assert (await shop.apply(change)).matched == {other.id}
    late = await shop.apply(change)
    assert (late.matched, late.refused) == (frozenset(), frozenset())


async def test_an_output_may_not_name_an_artifact_that_is_gone(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    ref = ArtifactRef(artifact=f"sha256:{DIGEST}", size=3, media_type="text/plain")
    change = shop.change(run, kit.succeeded(run.id, artifacts=(ref, ref)))
    assert (await shop.apply(change)).refused == {run.id}
    insert = "INSERT INTO artifacts VALUES ($1, 3, 'text/plain', $2, $3)"
    await shop.connection.execute(insert, DIGEST, kit.START, False)
    assert (await shop.apply(change)).refused == {run.id}
    await shop.connection.execute("UPDATE artifacts SET complete = true")
    assert (await shop.apply(change)).matched == {run.id}
    uses = await shop.rows("artifact_uses")
    assert [(row["node"], row["sha256"], row["direction"]) for row in uses] == [("a", DIGEST, "output")]


async def test_an_artifact_of_a_context_is_kept_by_its_run(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(kit.CHAIN)
    start = shop.start(seeded, artifacts=(DIGEST,))
    assert (await shop.apply(start)).refused == {start.run.id}
    assert await shop.rows("runs") == []
    await shop.connection.execute(
        "INSERT INTO artifacts VALUES ($1, 3, 'text/plain', $2, true)", DIGEST, kit.START
    )
    await shop.go(start)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await shop.connection.execute("DELETE FROM artifacts")
