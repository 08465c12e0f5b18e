"""Postgres says farewell to a connection, which does not end yet; or nothing at all when it is closed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import cast
from urllib.parse import urlsplit

import asyncpg
import pytest
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.store.database import Database
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache
from airlock_orchestration.store.sessions import Sessions
from sqlalchemy import func, literal
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0"
FAREWELL = b"E" + (len(FIELDS) + 4).to_bytes(4, "big") + FIELDS


class Between:
    """What lies between us and Postgres: it can say farewell in the name of Postgres, and hold the line."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._held: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()

    async def begin(self) -> str:
        """Listen; answers the address of the database behind."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        at = self._parts.netloc.rpartition("@")[0] + f"@127.0.0.1:{port}"
        return self._parts._replace(netloc=at).geturl()

    async def say_farewell(self) -> None:
        """Tell every connection that it ends; nothing that is sent over it goes further."""
        for writer in self._open - self._held:
            self._held.add(writer)
            writer.write(FAREWELL)
            await writer.drain()

    def hold(self) -> None:
        """Hand on nothing more of what is open, as for a Postgres that hangs."""
        self._held |= self._open

    async def end(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._open.add(writer)

        async def pump(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(65536):
                    if writer not in self._held:
                        to.write(data)
            to.close()

        await asyncio.gather(pump(reader, there), pump(there_reader, writer))
        self._open.discard(writer)


@pytest.fixture
async def between(migrated_database_url: str) -> AsyncIterator[Between]:
    made = Between(migrated_database_url)
    yield made
    await made.end()


@pytest.fixture
async def database(between: Between) -> AsyncIterator[Database]:
    async with Database(await between.begin()) as database:
        yield database


async def alive(database: Database) -> int:
    """Ask until Postgres answers; how often it did not: once for each connection that heard a farewell."""
    for missed in range(10):
        if await database.is_alive():
            return missed
    pytest.fail("a connection that heard a farewell is given out again and again")


async def test_a_farewell_that_is_not_the_end_yet_is_told_as_postgres_that_is_away(
    between: Between, database: Database
) -> None:
    path = Path(database, PlanCache())
    heard: Exception | None = None
    async with asyncio.timeout(20):
        while not isinstance(heard, asyncpg.InternalClientError):  # else the question came first
            await alive(database)
            await between.say_farewell()
            await asyncio.sleep(0.01)
            with pytest.raises(StoreUnavailable, match="Postgres did not answer") as told:
                await path.due()
            heard = cast(Exception, told.value.__cause__)
    await alive(database)
    assert await path.due() == []


async def test_whether_postgres_answers_is_told_after_a_farewell_too(
    between: Between, database: Database
) -> None:
    for _ in range(10):
        await between.say_farewell()
        await asyncio.sleep(0.01)
        assert await alive(database) >= 1


async def test_a_session_after_a_farewell_is_another_one(between: Between, database: Database) -> None:
    sessions = Sessions(database)
    for number in range(10):
        async with sessions.reading() as session:
            assert (await session.exec(select(literal(number)))).one() == number
        await between.say_farewell()
        await asyncio.sleep(0.01)
        with suppress(StoreUnavailable):
            async with sessions.reading():
                pass


async def test_a_session_tells_what_may_pass_when_it_is_asked_again(database: Database) -> None:
    sessions = Sessions(database)

    async def take_too_long() -> None:
        async with sessions.reading() as session:
            await session.exec(select(func.set_config("statement_timeout", "1ms", True)))
            await session.exec(select(func.pg_sleep(10)))

    with pytest.raises(StoreUnavailable, match="canceling statement due to statement timeout") as told:
        await take_too_long()
    assert isinstance(told.value.__cause__, DBAPIError)


async def test_connections_that_do_not_say_goodbye_are_cut(between: Between) -> None:
    async with Database(await between.begin()) as database:
        assert await database.is_alive()
        async with database.reading() as session:
            await session.exec(select(literal(1)))
        between.hold()
        began = time.monotonic()
    assert 1.5 < time.monotonic() - began < 5
