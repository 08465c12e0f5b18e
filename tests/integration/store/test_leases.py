"""Heartbeats move leases on, and hear what became of each attempt."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from airlock_contracts.messages import Holding
from airlock_orchestration.engine.signals import CancelRequested, LeaseExpired
from airlock_orchestration.store.attempts import extend_all_live, extend_leases


async def beat(shop: Any, *held: tuple[str, str, int, str], host: str = "host-1") -> dict[str, Holding]:
    return dict(await extend_leases(shop.connection, host, held, 30))


@pytest.fixture
async def run(shop: Any, kit: Any) -> Any:
    """A run whose first attempt is claimed."""
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    return await shop.go(shop.change(run, kit.claimed(run.id), now=datetime.now(UTC) - timedelta(seconds=60)))


async def lease_left(shop: Any) -> float:
    sql = "SELECT extract(epoch FROM max(lease_until) - clock_timestamp()) FROM attempts"
    return float(await shop.connection.fetchval(sql))


async def test_the_holder_extends_its_lease(shop: Any, kit: Any, run: Any) -> None:
    assert await beat(shop, (run.id, "a", 1, kit.TOKEN)) == {f"{run.id}/a/1": Holding.HELD}
    assert 25 < await lease_left(shop) <= 30
    assert (await shop.load(run.id)).version == run.version


async def test_another_token_or_host_and_an_unknown_attempt_are_lost(shop: Any, kit: Any, run: Any) -> None:
    ghost = str(uuid4())
    held = [(run.id, "a", 1, "token-of-somebody-else"), (run.id, "b", 1, kit.TOKEN), (ghost, "a", 1, "t")]
    assert set((await beat(shop, *held)).values()) == {Holding.LOST}
    assert await beat(shop, (run.id, "a", 1, kit.TOKEN), host="host-2") == {f"{run.id}/a/1": Holding.LOST}
    assert await lease_left(shop) < 0


async def test_an_attempt_held_twice_by_one_host_is_held(shop: Any, kit: Any, run: Any) -> None:
    held = [(run.id, "a", 1, "token-of-another-delivery"), (run.id, "a", 1, kit.TOKEN)]
    for order in (held, held[::-1]):
        assert await beat(shop, *order) == {f"{run.id}/a/1": Holding.HELD}


async def test_while_its_run_is_cancelled_the_holder_hears_of_it(shop: Any, kit: Any, run: Any) -> None:
    await shop.go(shop.change(run, CancelRequested(run.id, "carol")))
    assert await beat(shop, (run.id, "a", 1, kit.TOKEN)) == {f"{run.id}/a/1": Holding.CANCELLED}
    assert await lease_left(shop) > 25


async def test_a_settled_attempt_is_forgotten_and_a_queued_one_goes_on(shop: Any, kit: Any, run: Any) -> None:
    await shop.go(shop.change(run, kit.succeeded(run.id)))
    held = [(run.id, "a", 1, kit.TOKEN), (run.id, "b", 1, "token-of-nobody-yet")]
    assert await beat(shop, *held) == {
        f"{run.id}/a/1": Holding.SETTLED,
        f"{run.id}/b/1": Holding.UNCLAIMED,
    }


async def test_a_lost_attempt_stays_lost(shop: Any, kit: Any, run: Any) -> None:
    await shop.go(shop.change(run, LeaseExpired(run.id, "a", 1)))
    assert await beat(shop, (run.id, "a", 1, kit.TOKEN)) == {f"{run.id}/a/1": Holding.LOST}


async def test_nothing_held_asks_nothing(shop: Any) -> None:
    assert await beat(shop) == {}


async def test_after_an_outage_all_live_leases_are_extended(shop: Any, kit: Any, run: Any) -> None:
    queued = shop.start(await shop.workflow(kit.CHAIN, name="other"))
    await shop.go(queued)
    assert await extend_all_live(shop.connection, 30) == 1
    assert 25 < await lease_left(shop) <= 30
    assert await extend_all_live(shop.connection, 10) == 0


async def test_heartbeats_and_the_door_never_wait_in_a_circle(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(kit.CHAIN)
    starts = [shop.start(seeded) for _ in range(30)]
    await shop.apply(*starts)
    claims = [shop.change(replace(c.run, version=1), kit.claimed(c.run.id)) for c in starts]
    await shop.apply(*claims)
    held = [(c.run.id, "a", 1, kit.TOKEN) for c in claims]

    async def hearts(order: int) -> set[Holding]:
        async with shop.database.path() as connection:
            answers: set[Holding] = set()
            for _ in range(10):
                answers |= {h for _, h in await extend_leases(connection, "host-1", held[::order], 30)}
            return answers

    async def reports() -> int:
        applied = 0
        for n in range(0, 30, 6):
            batch = [
                shop.change(replace(c.run, version=2), kit.succeeded(c.run.id)) for c in claims[n : n + 6]
            ]
            applied += len((await shop.apply(*batch[::-1])).matched)
        return applied

    *answers, applied = await asyncio.gather(hearts(1), hearts(-1), reports())
    assert applied == 30
    assert set.union(*answers) <= {Holding.HELD, Holding.SETTLED}
