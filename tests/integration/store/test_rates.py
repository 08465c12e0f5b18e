"""Buckets that all replicas count in: no more pass within a minute than may, whoever asks and whenever."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.operations.keys import KeyRing, create_key
from airlock_orchestration.store.rates import RateStorage, forget_rates
from airlock_orchestration.store.sessions import Sessions
from limits import RateLimitItemPerMinute
from limits.aio.strategies import MovingWindowRateLimiter

KEY = "LIMITER/key:k/create/100/1/minute"


@pytest.fixture
async def replicas(shop: Any) -> AsyncIterator[list[RateStorage]]:
    """Three replicas over one database."""
    made = [RateStorage(Sessions(shop.database)) for _ in range(3)]
    yield made
    for one in made:
        await one.close()


async def ask(storage: RateStorage, most: int = 100, key: str = KEY) -> bool:
    return await storage.acquire_entry(key, most, 60)


async def passed(asks: list[Any]) -> int:
    return sum(await asyncio.gather(*asks))


async def pass_time(shop: Any, seconds: int) -> None:
    """Let what was counted have been so much earlier."""
    await shop.connection.execute("UPDATE rates SET second = second - $1", seconds)


async def test_of_120_over_three_replicas_exactly_100_pass(replicas: list[RateStorage]) -> None:
    assert await passed([ask(replicas[number % 3]) for number in range(120)]) == 100
    assert await passed([ask(one) for one in replicas]) == 0


async def test_each_bucket_has_room_of_its_own_also_in_one_statement(replicas: list[RateStorage]) -> None:
    asks = [ask(replicas[number % 3], 5, f"bucket {number % 7}") for number in range(140)]
    assert await passed(asks) == 35


async def test_what_passed_counts_for_a_minute_and_makes_room_again(shop: Any) -> None:
    async def fresh(asks: int) -> int:
        """How many a replica lets through that remembers nothing."""
        storage = RateStorage(Sessions(shop.database))
        found = await passed([ask(storage) for _ in range(asks)])
        await storage.close()
        return found

    assert await fresh(60) == 60
    await pass_time(shop, 30)
    assert await fresh(60) == 40
    await pass_time(shop, 28)
    assert await fresh(1) == 0  # the first sixty are 58 seconds ago
    await pass_time(shop, 3)
    assert await fresh(70) == 60  # and now they are a minute ago; the forty are not
    await pass_time(shop, 1_000_000)
    assert await fresh(120) == 100


async def test_whenever_they_come_no_window_holds_more_than_it_may(shop: Any) -> None:
    chance = random.Random(20261121)
    moved, came = 0, list[tuple[int, int]]()
    clock = "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint"
    storage = RateStorage(Sessions(shop.database))
    for _ in range(150):
        step = chance.choice([0, 0, 1, 2, 7, 20, 59, 60, 61])
        await pass_time(shop, step)
        moved += step
        storage._known.clear()  # time went by in Postgres alone
        asks = chance.randint(1, 8)
        before = moved + await shop.connection.fetchval(clock)
        found = await passed([ask(storage, 10) for _ in range(asks)])
        after = moved + await shop.connection.fetchval(clock)
        came += [(before, after)] * found
        # Each came in a second between the two: those that surely count, and those that may.
        assert sum(earliest >= after - 60 for earliest, _ in came) <= 10
        if found < asks:
            assert sum(latest >= before - 60 for _, latest in came) >= 10  # nobody was refused for less
    await storage.close()


async def test_the_answer_says_what_is_left_and_until_when(replicas: list[RateStorage]) -> None:
    limiter, item = MovingWindowRateLimiter(replicas[0]), RateLimitItemPerMinute(3)
    other = MovingWindowRateLimiter(replicas[1])
    for left in (2, 1, 0):
        assert await limiter.hit(item, "x")
        assert (await limiter.get_window_stats(item, "x")).remaining == left
    assert not await limiter.hit(item, "x")
    mine, theirs = await limiter.get_window_stats(item, "x"), await other.get_window_stats(item, "x")
    assert (mine.remaining, theirs.remaining) == (0, 0)
    assert mine.reset_time == pytest.approx(theirs.reset_time, abs=0.5)
    assert (await other.get_window_stats(item, "nobody")).remaining == 3
    await other.clear(item, "x")
    assert await other.hit(item, "x")


async def test_a_clock_that_was_set_back_begins_anew(shop: Any, replicas: list[RateStorage]) -> None:
    assert await passed([ask(replicas[0]) for _ in range(120)]) == 100
    await pass_time(shop, -3600)
    assert await passed([ask(replicas[1]) for _ in range(120)]) == 100


async def test_who_is_refused_again_and_again_costs_postgres_nothing(
    shop: Any, replicas: list[RateStorage]
) -> None:
    assert await passed([ask(replicas[0], 1) for _ in range(2)]) == 1
    # One that asked Postgres would wait for the lock, and fail when it waits no longer.
    async with shop.connection.transaction(), asyncio.timeout(30):
        await shop.connection.execute("LOCK rates IN ACCESS EXCLUSIVE MODE")
        assert await passed([ask(replicas[0], 1) for _ in range(500)]) == 0


async def test_while_postgres_is_away_everybody_is_told_and_later_counted(
    shop: Any, kit: Any, replicas: list[RateStorage]
) -> None:
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with shop.connection.transaction():
        await shop.connection.execute("LOCK rates IN ACCESS EXCLUSIVE MODE")
        asks = [asyncio.create_task(ask(replicas[0])) for _ in range(3)]
        await kit.until_waiting(shop.connection)
        async with shop.database.path() as another:
            assert len(await another.fetch(f"{end} AND datname = current_database()")) == 1
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(one) for one in outcomes] == [StoreUnavailable] * 3
    assert await passed([ask(replicas[0]) for _ in range(120)]) == 100


async def test_a_bucket_that_another_replica_holds_keeps_nobody_from_being_recognised(
    shop: Any, kit: Any, replicas: list[RateStorage]
) -> None:
    sessions = Sessions(shop.database)
    key = (await create_key(sessions, "alice")).text
    assert await ask(replicas[0])
    async with shop.connection.transaction():
        await shop.connection.execute("SELECT FROM rates WHERE bucket = $1 FOR UPDATE", KEY)
        asked = asyncio.create_task(ask(replicas[1]))
        await kit.until_waiting(shop.connection)
        async with asyncio.timeout(2):
            assert await KeyRing(sessions).recognise(key) is not None
        assert not asked.done()
    assert await asked


async def test_who_goes_away_while_asking_leaves_the_others_their_answers(
    shop: Any, kit: Any, replicas: list[RateStorage]
) -> None:
    async with shop.connection.transaction():
        await shop.connection.execute("LOCK rates IN ACCESS EXCLUSIVE MODE")
        asks = [asyncio.create_task(ask(replicas[0], 2)) for _ in range(3)]
        await kit.until_waiting(shop.connection)
        asks[0].cancel()
    assert await asyncio.gather(*asks[1:]) == [True, True]
    assert not await ask(replicas[1], 2)


async def test_closing_ends_what_is_under_way(shop: Any, kit: Any) -> None:
    storage = RateStorage(Sessions(shop.database))
    async with shop.connection.transaction():
        await shop.connection.execute("LOCK rates IN ACCESS EXCLUSIVE MODE")
        asked = asyncio.create_task(ask(storage))
        await kit.until_waiting(shop.connection)
        async with asyncio.timeout(5):  # and waits for nobody
            await storage.close()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await shop.rows("rates") == []


async def test_buckets_that_nobody_uses_are_deleted(shop: Any, replicas: list[RateStorage]) -> None:
    for key in ("old", "older"):
        assert await ask(replicas[0], 5, key)
    await pass_time(shop, 200)
    assert await ask(replicas[0], 5, "new")
    assert await forget_rates(shop.connection, 1) == 1
    assert await forget_rates(shop.connection, 10) == 1
    assert [row["bucket"] for row in await shop.rows("rates")] == ["new"]
    assert await replicas[0].reset() == 1


@pytest.mark.parametrize(("expiry", "amount"), [(3600, 1), (60, 2)])
async def test_what_buckets_are_not_made_for_is_refused(
    replicas: list[RateStorage], expiry: int, amount: int
) -> None:
    with pytest.raises(ValueError, match="buckets are of 60 s"):
        await replicas[0].acquire_entry(KEY, 100, expiry, amount)
