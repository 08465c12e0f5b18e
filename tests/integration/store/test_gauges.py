"""Gauges show what Postgres and JetStream say, keep it while those are silent, and forget pools that went."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from airlock_chassis.bus import Bus, Layout, Publisher, Streams
from airlock_chassis.telemetry.metrics import REGISTRY
from airlock_client.embedded import EmbeddedNats
from airlock_contracts.subjects import AttemptSubject, Subjects
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.store.census import Census
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache
from airlock_orchestration.telemetry.gauges import Gauges

RUN = "01920000-0000-7000-8000-000000000001"


class SilentPath(Path):
    """Postgres, which does not answer while a test says so, or is too busy to count."""

    silent = busy = False
    measured = 0

    async def is_alive(self) -> bool:
        return not self.silent and await super().is_alive()

    async def census(self) -> Census:
        if self.silent or self.busy:
            raise StoreUnavailable("nobody is there")
        return await super().census()

    async def database_bytes(self) -> int:
        self.measured += 1
        return await super().database_bytes()


class Board:
    """Gauges on real parts, and what they show."""

    def __init__(self, shop: Any, bus: Bus, prefix: str) -> None:
        self.bus, self.subjects = bus, Subjects(prefix)
        self.path = SilentPath(shop.database, PlanCache())
        self.layout = Layout(self.subjects)
        self.streams = Streams(bus, self.layout.streams)
        self.gauges = Gauges(self.path, shop.database.pools, self.streams, self.layout)
        self._insert = shop.connection.execute

    async def add_host(self, pool: str) -> None:
        await self._insert(
            "INSERT INTO hosts VALUES ($1, 'b', $1, '1', 2, 1, 1, false, '[]', now(), now())", pool
        )

    async def register(self, agent: str, pool: str) -> None:
        await self._insert(
            "INSERT INTO agents VALUES (gen_random_uuid(), 'default', $1, '1', '1', "
            "jsonb_build_object('pool', $2::text), '', '', 'none', now(), 'test')",
            agent,
            pool,
        )

    async def queue(self, pool: str) -> None:
        subject = self.subjects.invocation(AttemptSubject(pool, RUN, "a", 1))
        await Publisher(self.bus, self.streams).publish(subject, b"x", msg_id=pool)


def shown(name: str, **labels: str) -> float | None:
    value: float | None = REGISTRY.get_sample_value(name, labels)
    return value


@pytest.fixture
async def board(shop: Any, nats_server: EmbeddedNats, nats_prefix: str) -> AsyncIterator[Board]:
    async with await Bus.connect(nats_server.url(), name="test") as bus:
        one = Board(shop, bus, nats_prefix)
        await one.streams.declare()
        yield one


async def test_what_cannot_be_asked_keeps_its_value_and_is_told_to_be_down(board: Board, shop: Any) -> None:
    await board.add_host("p-kept")
    await board.gauges.read()
    assert (shown("database_up"), shown("nats_up"), shown("approvals_pending")) == (1, 1, 0)
    board.path.silent = True
    await board.bus.close()
    await shop.connection.execute("TRUNCATE hosts")
    await board.gauges.read()
    assert (shown("database_up"), shown("nats_up"), shown("approvals_pending")) == (0, 0, 0)
    assert shown("hosts", pool="p-kept", status="up") == 1


async def test_postgres_that_is_too_busy_to_count_is_up(board: Board, shop: Any) -> None:
    await board.gauges.read()
    board.path.busy = True
    await board.gauges.read()
    assert shown("database_up") == 1
    async with AsyncExitStack() as held:  # and one whose connections of the path are all taken
        board.path.busy = False
        (left,) = (use.size - use.used for use in shop.database.pools() if use.pool == "path")
        for _ in range(left):
            await held.enter_async_context(shop.database.path())
        await board.gauges.read()
        assert shown("database_up") == 1


async def test_the_size_of_the_database_is_asked_seldom(board: Board) -> None:
    for _ in range(3):
        await board.gauges.read()
    assert board.path.measured == 1
    assert (shown("database_size_bytes") or 0) > 2**20


async def test_a_pool_is_shown_until_its_last_host_is_forgotten(board: Board, shop: Any) -> None:
    await board.add_host("p-left")
    await board.gauges.read()
    assert shown("hosts", pool="p-left", status="gone") == 0
    assert shown("slots", pool="p-left", state="busy") == 1
    assert shown("queue_depth", pool="p-left") == 0
    await shop.connection.execute("DELETE FROM hosts")
    await board.gauges.read()
    for name in ("hosts", "slots", "queue_depth", "queue_oldest_seconds"):
        series = [s.labels for m in REGISTRY.collect() if m.name == name for s in m.samples]
        assert "p-left" not in {labels["pool"] for labels in series}, name


async def test_what_waits_in_a_pool_that_an_agent_needs_is_shown_whether_or_not_it_has_a_host(
    board: Board, shop: Any
) -> None:
    await board.register("needy", "p-needed")
    await board.register("idle", "p-idle")
    await board.queue("p-needed")
    await board.gauges.read()
    assert (shown("hosts", pool="p-needed", status="up"), shown("queue_depth", pool="p-needed")) == (0, 1)
    assert (shown("hosts", pool="p-idle", status="up"), shown("queue_depth", pool="p-idle")) == (0, 0)
    await board.add_host("p-needed")
    await board.gauges.read()
    assert shown("hosts", pool="p-needed", status="up") == 1
    await shop.connection.execute("DELETE FROM hosts")
    await board.gauges.read()
    assert (shown("hosts", pool="p-needed", status="up"), shown("queue_depth", pool="p-needed")) == (0, 1)


async def test_what_hosts_hand_back_waits_for_one_that_can(board: Board) -> None:
    """Such as an invocation whose image no host has: it is with one of them for moments only."""
    spec = board.layout.pool_consumer("p-lacks")
    await board.add_host("p-lacks")
    await board.streams.declare(spec)
    began = time.monotonic()
    await board.queue("p-lacks")
    pulled = await board.bus.jetstream.pull_subscribe_bind(spec.name, spec.stream)
    for _ in range(2):
        (message,) = await pulled.fetch(1)
        await message.nak(delay=0.05)
    await board.gauges.read()
    assert shown("queue_depth", pool="p-lacks") == 1
    assert 0.05 <= (shown("queue_oldest_seconds", pool="p-lacks") or 0) <= time.monotonic() - began
    (message,) = await pulled.fetch(1)
    await message.ack_sync()
    await board.gauges.read()
    assert (shown("queue_depth", pool="p-lacks"), shown("queue_oldest_seconds", pool="p-lacks")) == (0, 0)


async def test_a_pool_that_cannot_be_asked_hides_no_other(board: Board) -> None:
    overlapping = replace(board.layout.pool_consumer("p-a"), name="somebody-elses")
    await board.streams.declare(overlapping)  # so that p-a cannot have a consumer of its own
    for pool in ("p-a", "p-z"):
        await board.add_host(pool)
    await board.queue("p-z")
    await board.gauges.read()
    assert shown("queue_depth", pool="p-a") is None
    assert shown("queue_depth", pool="p-z") == 1
    assert shown("dead_letters_waiting") == 0


async def test_without_its_streams_the_rest_is_shown(board: Board) -> None:
    for spec in board.layout.streams:
        await board.bus.jetstream.delete_stream(spec.name)
    await board.add_host("p-alone")
    await board.gauges.read()
    assert (shown("nats_up"), shown("hosts", pool="p-alone", status="up")) == (1, 1)


async def test_connections_in_use_are_told_from_free_ones(board: Board, shop: Any) -> None:
    async with shop.database.beside(), shop.database.reading():
        await board.gauges.read()
        taken = [shown("database_connections", pool=pool, state="used") for pool in ("followers", "sessions")]
        assert taken == [1, 1]
        assert shown("database_connections", pool="followers", state="free") == 3
    await board.gauges.read()
    assert shown("database_connections", pool="sessions", state="used") == 0
