"""What a look at a database tells, whatever its state is; and it changes nothing."""

from typing import Any

import asyncpg
import pytest
from airlock_orchestration.store import diagnosis
from airlock_orchestration.store.database import DatabaseUnavailable
from airlock_orchestration.store.diagnosis import look_at_database


async def test_a_database_that_is_well_shows_its_revision_and_nothing_that_sleeps(
    migrated_database_url: str,
) -> None:
    found = await look_at_database(migrated_database_url)
    assert found.revision == found.wanted_revision
    assert found.known_revision
    assert found.violations == ()
    assert found.keys == {}
    assert found.violations_total == 0
    assert found.bytes > 1_000_000
    assert found.agent_logs_bytes is not None
    assert 0 < found.agent_logs_bytes < found.bytes
    assert 0 < found.connections <= found.max_connections
    assert abs(found.clock_ahead) < 5  # one machine, one clock


async def test_a_database_without_tables_or_of_a_newer_release_is_told_by_its_revision(
    database_url: str, migrated_database_url: str
) -> None:
    empty = await look_at_database(database_url)
    assert (empty.revision, empty.known_revision, empty.agent_logs_bytes) == (None, True, None)
    connection = await asyncpg.connect(migrated_database_url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    newer = await look_at_database(migrated_database_url)
    assert (newer.revision, newer.known_revision) == ("9999", False)


async def test_a_transaction_that_stays_open_is_seen(migrated_database_url: str) -> None:
    connection = await asyncpg.connect(migrated_database_url)
    try:
        await connection.execute("BEGIN")
        await connection.execute("SELECT pg_sleep(0.2)")
        found = await look_at_database(migrated_database_url)
    finally:
        await connection.close()
    assert found.longest_transaction >= 0.2
    assert found.ours == 0


async def test_what_nothing_would_wake_is_named(shop: Any, kit: Any, migrated_database_url: str) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    await shop.connection.execute("UPDATE attempts SET redispatch_at = NULL")
    found = await look_at_database(migrated_database_url)
    assert found.violations == (f"run {run.id} node a (QUEUED): no attempt is dispatched",)
    assert found.violations_total == 1


async def test_a_certificate_that_takes_long_leaves_the_rest_of_the_answer(
    shop: Any, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "CERTIFICATE_SECONDS", 0.2)
    async with shop.connection.transaction():
        await shop.connection.execute("LOCK TABLE nodes IN ACCESS EXCLUSIVE MODE")
        found = await look_at_database(migrated_database_url)
    assert found.violations_total is None
    assert found.revision == found.wanted_revision


async def test_keys_that_are_revoked_are_not_counted(migrated_database_url: str) -> None:
    connection = await asyncpg.connect(migrated_database_url)
    for name, role, revoked in (("a", "admin", None), ("h", "host", None), ("old", "admin", "now")):
        await connection.execute(
            "INSERT INTO keys VALUES ($1, 'default', $1, $2, $3, now(), 'test', $4::text::timestamptz)",
            *(name, role, name.encode(), revoked),
        )
    await connection.close()
    assert (await look_at_database(migrated_database_url)).keys == {"admin": 1, "host": 1}


async def test_an_address_where_nobody_answers_is_one_clear_line() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"Postgres at .*127\.0\.0\.1"):
        await look_at_database("postgresql://u:secret@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable) as told:
        await look_at_database("postgresql://u:secret@127.0.0.1:1/none")
    assert "secret" not in str(told.value)
