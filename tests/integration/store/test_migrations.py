"""The schema goes up, down and up again, is what the tables declare, and a wrong one is named."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest
from airlock_orchestration.store.migrate import (
    SchemaTooNew,
    SchemaTooOld,
    check_current,
    check_models,
    current,
    downgrade,
    upgrade,
)
from airlock_orchestration.store.tables import METADATA


async def _tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row[0] for row in rows} - {"alembic_version"}
    finally:
        await connection.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def test_the_schema_goes_up_and_down_and_up_again(database_url: str) -> None:
    async def story() -> None:
        assert await current(database_url) is None
        await upgrade(database_url)
        assert await _tables(database_url) == set(METADATA.tables)
        await downgrade(database_url, "base")
        assert await _tables(database_url) == set()
        await upgrade(database_url)
        await upgrade(database_url)
        await check_current(database_url)

    asyncio.run(story())


def test_the_migrations_make_what_the_tables_declare(database_url: str) -> None:
    asyncio.run(upgrade(database_url))
    asyncio.run(check_models(database_url))


def test_tables_that_change_often_leave_room_on_their_pages(database_url: str) -> None:
    async def options() -> set[str]:
        connection = await asyncpg.connect(database_url)
        try:
            sql = "SELECT relname FROM pg_class WHERE 'fillfactor=70' = ANY(reloptions)"
            return {row[0] for row in await connection.fetch(sql)}
        finally:
            await connection.close()

    asyncio.run(upgrade(database_url))
    assert asyncio.run(options()) == {"runs", "nodes", "attempts", "approvals", "hosts", "rates"}


def test_an_empty_database_is_too_old_and_an_unknown_revision_too_new(database_url: str) -> None:
    with pytest.raises(SchemaTooOld, match="schema none, this release needs 0"):
        asyncio.run(check_current(database_url))
    asyncio.run(upgrade(database_url))
    asyncio.run(_execute(database_url, "UPDATE alembic_version SET version_num = '9999'"))
    for ask in (check_current, upgrade):
        with pytest.raises(SchemaTooNew, match="9999"):
            asyncio.run(ask(database_url))


def test_a_unix_socket_is_an_address_too(database_url: str) -> None:
    async def folder() -> str:
        connection = await asyncpg.connect(database_url)
        try:
            folders: str = await connection.fetchval("SHOW unix_socket_directories")
            return folders.partition(",")[0]
        finally:
            await connection.close()

    parts = urlsplit(database_url)
    address = f"postgresql://{parts.username}:{parts.password}@{parts.path}"
    url = f"{address}?host={asyncio.run(folder())}&port={parts.port}"
    asyncio.run(upgrade(url))
    asyncio.run(check_current(database_url))


def test_many_that_migrate_at_once_do_it_once(database_url: str) -> None:
    async def story() -> None:
        await asyncio.gather(*(upgrade(database_url) for _ in range(4)))
        await check_current(database_url)

    asyncio.run(story())


def test_artifacts_that_were_put_before_they_had_owners_are_their_putters_projects(database_url: str) -> None:
    run = "01a1fb7d-ec30-7f2b-916f-8bbcf3ce8ec4"
    there_before = f"""
        SET session_replication_role = replica;  -- no workflow is needed
        INSERT INTO keys VALUES ('k', 'other', 'ada', 'admin', 'x', now(), 'test', NULL, NULL);
        INSERT INTO runs (id, project, workflow_id, workflow_version_id, status, version, last_event, context,
            context_sha256, agents, created_at, created_by, trigger_kind)
        VALUES ('{run}', 'third', '{run}', '{run}', 'RUNNING', 1, 1, '', '', '{{}}', now(), 'ada', 'api');
        INSERT INTO artifacts
            SELECT repeat(digit, 64), 1, 'text/plain', now(), true FROM unnest('{{a,b,c}}'::text[]) AS digit;
        INSERT INTO artifact_puts
            SELECT repeat(digit, 64), put_by, now()
            FROM (VALUES ('a', 'ada'), ('a', '{run}/n/1'), ('b', '{run}/n/2'), ('c', 'nobody'))
                AS puts (digit, put_by);
    """

    async def owners() -> set[tuple[str, str]]:
        connection = await asyncpg.connect(database_url)
        try:
            rows = await connection.fetch("SELECT project, left(sha256, 1) FROM artifact_owners")
            return {(row[0], row[1]) for row in rows}
        finally:
            await connection.close()

    asyncio.run(upgrade(database_url, "0005"))
    asyncio.run(_execute(database_url, there_before))
    asyncio.run(upgrade(database_url))
    assert asyncio.run(owners()) == {("other", "a"), ("third", "a"), ("third", "b")}


def test_a_migration_that_fails_leaves_nothing_behind_and_no_lock(database_url: str) -> None:
    asyncio.run(_execute(database_url, "CREATE TABLE runs (x int)"))
    with pytest.raises(Exception, match="already exists"):
        asyncio.run(upgrade(database_url))
    assert asyncio.run(_tables(database_url)) == {"runs"}
    asyncio.run(_execute(database_url, "DROP TABLE runs"))
    asyncio.run(upgrade(database_url))
    asyncio.run(check_current(database_url))
