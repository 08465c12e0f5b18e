"""The census counts what there is and what waits, and nothing that is over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airlock_contracts.statuses import HostStatus, RunStatus
from airlock_orchestration.engine.signals import CancelRequested
from airlock_orchestration.store import census
from airlock_orchestration.store.census import PoolHosts, measure_database, take_census
from airlock_orchestration.store.hosts import GONE_AFTER
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def see_host(shop: Any, name: str, pool: str, *, slots: int, busy: int, **more: Any) -> None:
    await shop.connection.execute(
        "INSERT INTO hosts VALUES ($1, 'b', $2, '1', $3, $4, 1, $5, '[]', $6, $6)",
        name,
        pool,
        slots,
        busy,
        more.get("draining", False),
        ago(more.get("silent", 0)),
    )


async def test_of_nothing_there_is_nothing(shop: Any) -> None:
    found = await take_census(shop.connection)
    assert (found.runs, found.approvals, found.oldest_approval, found.outbox_lag) == ({}, 0, 0, 0)
    assert (found.pools, found.named_pools) == ([], [])


async def test_the_database_is_as_large_as_its_files(shop: Any) -> None:
    assert await measure_database(shop.connection) > 2**20


async def test_runs_are_counted_by_status_until_they_end(shop: Any, kit: Any) -> None:
    chain, gated = await shop.workflow(kit.CHAIN), await shop.workflow(kit.GATED, name="gated")
    for _ in range(2):
        await shop.go(shop.start(chain, now=ago(0)))
    over = await shop.go(shop.start(chain, now=ago(0)))
    await shop.go(shop.change(over, CancelRequested(over.id, "ann"), now=ago(0)))
    held = await shop.go(shop.start(chain, now=ago(0)))
    held = await shop.go(shop.change(held, kit.claimed(held.id), now=ago(0)))
    await shop.go(shop.change(held, CancelRequested(held.id, "ann"), now=ago(0)))
    asked = await shop.go(shop.start(gated, now=ago(1)))
    await shop.go(shop.change(asked, kit.succeeded(asked.id), now=ago(0)))
    found = await Path(shop.database, PlanCache()).census()
    assert found.runs == {RunStatus.RUNNING: 2, RunStatus.CANCELLING: 1, RunStatus.WAITING_APPROVAL: 1}


async def test_the_oldest_open_question_is_the_one_asked_first_whenever_it_expires(
    shop: Any, kit: Any
) -> None:
    gated = await shop.workflow(kit.GATED)
    for seconds in (50, 500, 5):
        run = await shop.go(shop.start(gated, now=ago(seconds)))
        run = await shop.go(shop.change(run, kit.succeeded(run.id), now=ago(seconds)))
    await shop.go(shop.change(run, CancelRequested(run.id, "ann"), now=ago(0)))
    await shop.connection.execute(
        "UPDATE approvals SET expires_at = requested_at + interval '1 week' WHERE requested_at < $1", ago(100)
    )
    found = await take_census(shop.connection)
    assert found.approvals == 2
    assert found.oldest_approval == pytest.approx(500, abs=30)


async def test_the_outbox_lags_by_what_is_overdue_the_longest(shop: Any, kit: Any) -> None:
    chain = await shop.workflow(kit.CHAIN)
    await shop.go(shop.start(chain, now=ago(0)))
    assert (await take_census(shop.connection)).outbox_lag == 0
    for seconds in (40, 310):  # each is sent again after 10 s
        await shop.go(shop.start(chain, now=ago(seconds)))
    assert (await take_census(shop.connection)).outbox_lag == pytest.approx(300, abs=30)


async def test_hosts_are_counted_by_pool_and_by_what_they_are(shop: Any) -> None:
    await see_host(shop, "a", "default", slots=4, busy=1)
    await see_host(shop, "b", "default", slots=2, busy=3)
    await see_host(shop, "c", "default", slots=2, busy=2, draining=True)
    await see_host(shop, "d", "gpu", slots=8, busy=8, draining=True, silent=61)
    found = {(one.pool, one.status): one for one in (await take_census(shop.connection)).pools}
    assert found == {
        ("default", HostStatus.UP): PoolHosts("default", HostStatus.UP, hosts=2, free=3, busy=3),
        ("default", HostStatus.DRAINING): PoolHosts("default", HostStatus.DRAINING, 1, 0, 2),
        ("gpu", HostStatus.GONE): PoolHosts("gpu", HostStatus.GONE, 1, 0, 8),
    }


async def register(shop: Any, name: str, pool: str) -> None:
    await shop.connection.execute(
        "INSERT INTO agents VALUES (gen_random_uuid(), 'default', $1, '1.0.0', '1', "
        "jsonb_build_object('pool', $2::text), '', '', 'none', now(), 'test')",
        name,
        pool,
    )


async def test_pools_are_named_by_agents_before_they_have_a_host(shop: Any) -> None:
    for name, pool in (("a", "gpu"), ("b", "default"), ("c", "gpu"), ("d", "tiny")):
        await register(shop, name, pool)
    found = await take_census(shop.connection)
    assert (found.pools, found.named_pools) == ([], ["default", "gpu", "tiny"])


async def test_what_it_costs_is_bounded(shop: Any, kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census, "MOST_COUNTED", 3)
    monkeypatch.setattr(census, "MOST_GROUPS", 2)
    chain = await shop.workflow(kit.CHAIN)
    for number in range(5):
        await shop.go(shop.start(chain, now=ago(0)))
        await see_host(shop, f"h{number}", f"p{number}", slots=1, busy=0, silent=10 * number)
        await register(shop, f"agent{number}", f"p{number}")
    found = await take_census(shop.connection)
    assert found.runs == {RunStatus.RUNNING: 3}
    assert [one.pool for one in found.pools] == ["p0", "p1"]
    assert found.named_pools == ["default", "p0"]


async def test_it_reads_what_is_open_by_indexes_that_hold_nothing_else(shop: Any) -> None:
    await shop.connection.execute("ANALYZE")
    plan = "\n".join(
        row[0]
        for row in await shop.connection.fetch(
            f"EXPLAIN {census._CENSUS}", census.MOST_COUNTED, GONE_AFTER, census.MOST_GROUPS
        )
    )
    for index in ("ix_runs_open", "ix_approvals_expiry", "ix_attempts_redispatch", "ix_agents_pool"):
        assert index in plan, plan
