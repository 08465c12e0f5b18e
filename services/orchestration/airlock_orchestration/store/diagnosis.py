"""What Postgres says about itself, for whoever looks for what is wrong; changes nothing."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, replace

import asyncpg

from . import certificate
from .database import AWAY, DatabaseUnavailable, describe
from .migrate import revisions

SECONDS = 8.0
"""For Postgres to let us in, and again to say how it is."""
CERTIFICATE_SECONDS = 10.0
_SHOWN = 5

_FACTS = """
SELECT
    current_setting('server_version') AS version,
    pg_database_size(current_database()) AS bytes,
    current_setting('max_connections')::int AS max_connections,
    current_setting('fsync') AS fsync,
    extract(epoch FROM clock_timestamp())::float8 AS clock,
    to_regclass('alembic_version') IS NOT NULL AS migrated,
    pg_total_relation_size(to_regclass('agent_logs')) AS agent_logs_bytes
"""
_SESSIONS = """
SELECT
    count(*)::int AS connections,
    count(*) FILTER (WHERE application_name = 'airlock' AND datname = current_database())::int AS ours,
    coalesce(max(extract(epoch FROM clock_timestamp() - xact_start))
        FILTER (WHERE pid <> pg_backend_pid() AND datname = current_database()), 0)::float8 AS longest,
    count(*) FILTER (WHERE state LIKE 'idle in transaction%'
        AND clock_timestamp() - state_change > interval '60 s')::int AS idle_in_transaction
FROM pg_stat_activity WHERE backend_type = 'client backend'
"""
_KEYS = "SELECT role, count(*)::int AS number FROM keys WHERE revoked_at IS NULL GROUP BY role"


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What was found. Times in seconds, sizes in bytes."""

    version: str
    bytes: int
    fsync: bool
    connections: int
    max_connections: int
    ours: int
    longest_transaction: float
    idle_in_transaction: int
    clock_ahead: float
    """Of Postgres against this machine."""
    revision: str | None
    wanted_revision: str
    known_revision: bool
    keys: dict[str, int]
    """Keys that are not revoked, by role."""
    agent_logs_bytes: int | None = None
    """Of the table of what agents said, with its indexes; None where there is none yet."""
    violations: tuple[str, ...] = ()
    """What nothing would wake, the first of them."""
    violations_total: int | None = 0
    """None: it took too long to find out."""


async def look_at_database(url: str) -> DatabaseFacts:
    """Ask Postgres, over one connection of its own. Raises DatabaseUnavailable."""
    known = await asyncio.to_thread(revisions)
    try:
        async with asyncio.timeout(SECONDS):
            connection = await asyncpg.connect(url)
        try:
            async with asyncio.timeout(SECONDS):
                facts = await _facts(connection, known)
            return await _with_violations(connection, facts) if facts.revision == known[0] else facts
        finally:
            with suppress(TimeoutError):  # then it is cut
                await connection.close(timeout=1)
    except (*AWAY, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or f"no answer within {SECONDS:g} s"
        raise DatabaseUnavailable(f"Postgres at {describe(url)}: {reason}") from error


async def _facts(connection: asyncpg.Connection, known: list[str]) -> DatabaseFacts:
    before = time.time()
    facts = await connection.fetchrow(_FACTS)
    between = (before + time.time()) / 2
    sessions = await connection.fetchrow(_SESSIONS)
    revision = (
        await connection.fetchval("SELECT version_num FROM alembic_version") if facts["migrated"] else None
    )
    current = revision == known[0]
    keys = await connection.fetch(_KEYS) if current else []
    return DatabaseFacts(
        version=facts["version"],
        bytes=facts["bytes"],
        fsync=facts["fsync"] == "on",
        connections=sessions["connections"],
        max_connections=facts["max_connections"],
        ours=sessions["ours"],
        longest_transaction=sessions["longest"],
        idle_in_transaction=sessions["idle_in_transaction"],
        clock_ahead=facts["clock"] - between,
        revision=revision,
        wanted_revision=known[0],
        known_revision=revision is None or revision in known,
        keys={row["role"].lower(): row["number"] for row in keys},
        agent_logs_bytes=facts["agent_logs_bytes"],
    )


async def _with_violations(connection: asyncpg.Connection, facts: DatabaseFacts) -> DatabaseFacts:
    """The certificate looks at every open node: on a large database that takes longer than all the rest."""
    try:
        async with asyncio.timeout(CERTIFICATE_SECONDS):
            violations = await certificate.violations(connection)
    except TimeoutError:
        return replace(facts, violations_total=None)
    told = tuple(
        f"run {one.run}{f' node {one.node}' if one.node else ''} ({one.status}): {one.why}"
        for one in violations[:_SHOWN]
    )
    return replace(facts, violations=told, violations_total=len(violations))
