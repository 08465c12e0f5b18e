"""The sweep's query finds what is due, of every kind, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airlock_contracts.failures import Failure, FailureKind
from airlock_orchestration.engine.signals import AttemptFailed
from airlock_orchestration.store import due
from airlock_orchestration.store.due import DueKind, read_due

RETRIED: list[dict[str, Any]] = [
    {"id": "a", "agent": "echo", "action": "say", "retry": {"max_attempts": 3, "jitter": "none"}}
]


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def test_nothing_is_due_where_nothing_waits(shop: Any, kit: Any) -> None:
    assert await read_due(shop.connection) == []
    await shop.go(shop.start(await shop.workflow(kit.CHAIN), now=ago(0)))
    assert await read_due(shop.connection) == []


async def test_every_kind_of_due_time_is_found(shop: Any, kit: Any) -> None:
    chain = await shop.workflow(kit.CHAIN)
    unclaimed = await shop.go(shop.start(chain, now=ago(10.5)))
    silent = await shop.go(shop.start(chain, now=ago(50)))
    silent = await shop.go(shop.change(silent, kit.claimed(silent.id), now=ago(45)))
    slow = await shop.go(shop.start(chain, now=ago(400)))
    slow = await shop.go(shop.change(slow, kit.claimed(slow.id), now=ago(400)))
    await shop.connection.execute(
        "UPDATE attempts SET lease_until = clock_timestamp() + interval '30 s' WHERE run_id = $1", slow.id
    )
    failed = await shop.go(shop.start(await shop.workflow(RETRIED, name="retried"), now=ago(5)))
    failure = Failure(kind=FailureKind.AGENT, code="agent.error", message="no", retryable=True)
    signal = AttemptFailed(failed.id, "a", 1, kit.TOKEN, "host-1", failure)
    failed = await shop.go(shop.change(failed, signal, now=ago(2)))
    asked = await shop.go(shop.start(await shop.workflow(kit.GATED, name="gated"), now=ago(3700)))
    asked = await shop.go(shop.change(asked, kit.succeeded(asked.id), now=ago(3601)))
    found = {one.kind: one for one in await read_due(shop.connection)}
    assert {kind: (one.run, one.node, one.number) for kind, one in found.items()} == {
        DueKind.REDISPATCH: (unclaimed.id, "a", 1),
        DueKind.LEASE: (silent.id, "a", 1),
        DueKind.DEADLINE: (slow.id, "a", 1),
        DueKind.RETRY: (failed.id, "a", 1),
        DueKind.APPROVAL: (asked.id, "ask", 0),
    }
    assert found[DueKind.APPROVAL].approval == asked.nodes["ask"].approval.id


async def test_a_lease_that_ended_is_due_ten_seconds_later(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN), now=ago(40)))
    run = await shop.go(shop.change(run, kit.claimed(run.id), now=ago(35)))
    assert await read_due(shop.connection) == []


async def test_of_many_the_oldest_come_first_and_no_more_than_the_limit(shop: Any, kit: Any) -> None:
    chain = await shop.workflow(kit.CHAIN)
    starts = [shop.start(chain, now=ago(100 - n)) for n in range(6)]
    await shop.apply(*starts)
    found = await read_due(shop.connection, limit=4)
    assert [one.run for one in found] == [start.run.id for start in starts[:4]]


async def test_the_sweep_looks_only_into_partial_indexes(shop: Any) -> None:
    sql = due._DUE.replace("$1", "10.0").replace("$2", "256")
    plan = "\n".join(row[0] for row in await shop.connection.fetch("EXPLAIN " + sql))
    for index in (
        "attempts_redispatch",
        "attempts_lease",
        "attempts_deadline",
        "nodes_retry",
        "approvals_expiry",
    ):
        assert f"ix_{index}" in plan
    assert "Seq Scan" not in plan
