"""What there is and what waits, counted by one query of bounded cost: every replica asks now and then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airlock_contracts.statuses import HostStatus, RunStatus

from .hosts import GONE_AFTER

MOST_COUNTED = 100_000
"""Of open runs, and of open approvals: beyond that the figure says "so many, or more"."""
MOST_GROUPS = 300
"""Pools by their hosts' statuses, those heard of last first: a hundred pools at least; and
pools that agents name."""


@dataclass(frozen=True, slots=True)
class PoolHosts:
    """The hosts of one pool that have one status."""

    pool: str
    status: HostStatus
    hosts: int
    free: int
    """Slots without an attempt."""
    busy: int


@dataclass(frozen=True, slots=True)
class Census:
    """What was counted. Times in seconds; 0 where nothing waits."""

    runs: Mapping[RunStatus, int]
    """That have not ended; a status without a run is missing."""
    approvals: int
    """That wait for a decision."""
    oldest_approval: float
    outbox_lag: float
    """How overdue the oldest attempt is that should have been published again: Postgres is the outbox."""
    pools: Sequence[PoolHosts]
    named_pools: Sequence[str]
    """That some agent version needs, with or without a host."""


# The inner limits come from indexes that hold nothing but what is open. `statement_timestamp()`: see `due`.
_CENSUS = """
(SELECT 'run' AS what, NULL::text AS pool, status, count(*) AS n, 0::float8 AS a, 0::float8 AS b
FROM (SELECT status FROM runs WHERE finished_at IS NULL LIMIT $1) AS open_runs
GROUP BY status)
UNION ALL
(SELECT 'approvals', NULL, NULL, count(*),
    coalesce(extract(epoch FROM statement_timestamp() - min(requested_at)), 0), 0
FROM (SELECT requested_at FROM approvals WHERE status = 'PENDING' LIMIT $1) AS open_approvals)
UNION ALL
(SELECT 'outbox', NULL, NULL, 1, extract(epoch FROM statement_timestamp() - redispatch_at), 0
FROM attempts WHERE status = 'DISPATCHED' AND redispatch_at < statement_timestamp()
ORDER BY redispatch_at LIMIT 1)
UNION ALL
(SELECT 'hosts', pool, known.status, count(*), sum(greatest(slots - busy, 0)), sum(least(busy, slots))
FROM hosts, LATERAL (
    SELECT CASE
        WHEN seen_at < statement_timestamp() - $2::interval THEN 'GONE'
        WHEN draining THEN 'DRAINING'
        ELSE 'UP' END AS status
) AS known
GROUP BY pool, known.status ORDER BY max(seen_at) DESC, pool LIMIT $3)
UNION ALL
(WITH RECURSIVE named AS (
    SELECT min(manifest ->> 'pool') AS pool FROM agents
    UNION ALL
    SELECT (SELECT min(manifest ->> 'pool') FROM agents WHERE manifest ->> 'pool' > named.pool)
    FROM named WHERE named.pool IS NOT NULL
)
SELECT 'agents', pool, NULL, 1, 0, 0 FROM named WHERE pool IS NOT NULL LIMIT $3)
"""
_SIZE = "SELECT pg_database_size(current_database())"


async def take_census(connection: Any) -> Census:
    """Count, in one round trip."""
    rows = await connection.fetch(_CENSUS, MOST_COUNTED, GONE_AFTER, MOST_GROUPS)
    of = {what: [row for row in rows if row["what"] == what] for what in ("run", "outbox", "hosts", "agents")}
    alone = {row["what"]: row for row in rows}
    return Census(
        runs={RunStatus(row["status"]): row["n"] for row in of["run"]},
        approvals=alone["approvals"]["n"],
        oldest_approval=max(0.0, alone["approvals"]["a"]),
        outbox_lag=sum(row["a"] for row in of["outbox"]),
        pools=[
            PoolHosts(row["pool"], HostStatus(row["status"]), row["n"], int(row["a"]), int(row["b"]))
            for row in of["hosts"]
        ],
        named_pools=[row["pool"] for row in of["agents"]],
    )


async def measure_database(connection: Any) -> int:
    """The bytes that the database takes on disk. It looks at each of its files: ask seldom."""
    size: int = await connection.fetchval(_SIZE)
    return size
