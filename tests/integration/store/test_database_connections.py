"""Connections carry limits, say plainly why there is none, and never show a password."""

import asyncio
import os
import signal
import time
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from airlock_orchestration.store.database import Database, DatabaseUnavailable
from sqlalchemy import literal, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select


async def test_an_address_where_nobody_answers_is_one_clear_line() -> None:
    url = "postgresql://airlock:s3cret@127.0.0.1:1/airlock"
    with pytest.raises(DatabaseUnavailable) as caught:
        await Database(url).connect(deadline=0.6)
    message = str(caught.value)
    assert message.startswith("Postgres at 127.0.0.1:1/airlock did not answer within 0.6 s")
    assert "s3cret" not in message
    assert "\n" not in message


async def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silence, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DatabaseUnavailable, match="did not answer within"):
            await Database(f"postgresql://airlock@127.0.0.1:{port}/airlock").connect(deadline=0.5)


async def test_a_wrong_password_or_database_is_refused_at_once(database_url: str) -> None:
    parts = urlsplit(database_url)
    wrong = f"postgresql://{parts.username}:wr0ng@{parts.hostname}:{parts.port}"
    for url in (f"{wrong}{parts.path}", f"{database_url}-that-is-not"):
        with pytest.raises(DatabaseUnavailable) as caught:
            await Database(url).connect(deadline=5)
        assert "refused us" in str(caught.value)
        assert "wr0ng" not in str(caught.value)
        assert str(parts.password) not in str(caught.value)


async def test_a_read_session_cannot_write(shop: Any) -> None:
    async with shop.database.reading() as session:
        with pytest.raises(DBAPIError, match="read-only"):
            await session.exec(text("DELETE FROM hosts"))


async def test_a_write_session_commits_at_its_end_or_not_at_all(shop: Any) -> None:
    insert = text("INSERT INTO sweeps VALUES (true, now())")

    async def write_and_fail() -> None:
        async with shop.database.writing() as session:
            await session.exec(insert)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write_and_fail()
    assert await shop.rows("sweeps") == []
    async with shop.database.writing() as session:
        await session.exec(insert)
    assert len(await shop.rows("sweeps")) == 1


async def test_every_connection_carries_its_limits(shop: Any) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    for name in names:
        assert await shop.connection.fetchval(f"SHOW {name}") != "0"
        async with shop.database.reading() as session:
            assert (await session.exec(text(f"SHOW {name}"))).scalar_one() != "0"


async def test_a_killed_connection_is_replaced(shop: Any) -> None:
    async with shop.database.reading() as session:
        pid = (await session.exec(text("SELECT pg_backend_pid()"))).scalar_one()
    async with shop.database.path() as connection:
        path_pid = await connection.fetchval("SELECT pg_backend_pid()")
    for one in (pid, path_pid):
        await shop.connection.execute("SELECT pg_terminate_backend($1, 5000)", one)
    async with shop.database.reading() as session:
        assert (await session.exec(select(literal(1)))).one() == 1
    async with asyncio.timeout(5):
        while not await shop.database.is_alive():
            await asyncio.sleep(0)


async def test_whether_postgres_answers_is_told_not_raised(migrated_database_url: str) -> None:
    async with Database(migrated_database_url) as database:
        assert await database.is_alive()
        name = urlsplit(migrated_database_url).path[1:]
        connection = await asyncpg.connect(migrated_database_url.replace(name, "postgres"))
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        assert not await database.is_alive()
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()


async def test_whether_postgres_answers_is_known_soon_also_when_it_hangs(migrated_database_url: str) -> None:
    async with Database(migrated_database_url) as database:
        async with database.path() as connection:
            pid = connection.get_server_pid()
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            assert not await database.is_alive()
        finally:
            os.kill(pid, signal.SIGCONT)
        assert time.monotonic() - began < 5
        assert await database.is_alive()


async def test_postgres_answers_also_while_the_path_is_at_work(migrated_database_url: str) -> None:
    async with Database(migrated_database_url, path_connections=1) as database, database.path():
        assert await database.is_alive()


async def test_a_unix_socket_is_an_address_too(shop: Any, migrated_database_url: str) -> None:
    folders = await shop.connection.fetchval("SHOW unix_socket_directories")
    parts = urlsplit(migrated_database_url)
    url = (
        f"postgresql://{parts.username}:{parts.password}@{parts.path}"
        f"?host={folders.split(',')[0]}&port={parts.port}"
    )
    async with Database(url) as database:
        assert await database.is_alive()
        async with database.reading() as session:
            assert (await session.exec(select(literal(1)))).one() == 1


async def test_a_transaction_left_open_ends_when_its_connection_is_released(shop: Any) -> None:
    insert = "BEGIN; INSERT INTO sweeps VALUES (true, now())"
    async with shop.database.path() as connection:
        await connection.execute(insert)
        pid = connection.get_server_pid()
    state = "SELECT state FROM pg_stat_activity WHERE pid = $1"
    assert await shop.connection.fetchval(state, pid) == "idle"
    assert await shop.rows("sweeps") == []
