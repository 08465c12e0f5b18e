"""Leases of running attempts, moved on by heartbeats. That changes no run, so no run is locked here."""

from collections.abc import Collection
from typing import Any

from airlock_contracts.messages import Holding

# Locks the attempts in the order of their keys, as the door does, and answers from the rows as they are then.
_EXTEND = """
WITH held AS MATERIALIZED (
    SELECT run_id, node, number, status, attempt.token = asked.token AND host = $5 AS ours
    FROM (
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[]) AS a(run_id, node, number, token)
        ORDER BY run_id, node, number
    ) AS asked, LATERAL (
        SELECT status, token, host FROM attempts
        WHERE run_id = asked.run_id AND node = asked.node AND number = asked.number
        FOR NO KEY UPDATE
    ) AS attempt
), extended AS (
    UPDATE attempts SET lease_until = greatest(lease_until, clock_timestamp() + make_interval(secs => $6))
    FROM held
    WHERE held.ours AND held.status = 'RUNNING' AND attempts.run_id = held.run_id
      AND attempts.node = held.node AND attempts.number = held.number AND attempts.run_id = ANY($1::uuid[])
)
SELECT run_id::text, node, number,
    CASE
        WHEN held.status = 'DISPATCHED' THEN 'unclaimed'
        WHEN held.ours IS NOT TRUE OR held.status = 'LOST' THEN 'lost'
        WHEN held.status <> 'RUNNING' THEN 'settled'
        WHEN runs.status = 'CANCELLING' THEN 'cancelled'
        ELSE 'held'
    END
FROM held, LATERAL (SELECT status FROM runs WHERE id = run_id OFFSET 0) AS runs
"""
# Best last: a host that holds one attempt twice, by two deliveries, gets one answer, and it is the holder's.
_RANK = (Holding.LOST, Holding.UNCLAIMED, Holding.SETTLED, Holding.CANCELLED, Holding.HELD)


async def extend_leases(
    connection: Any, host: str, held: Collection[tuple[str, str, int, str]], seconds: float
) -> list[tuple[str, Holding]]:
    """Extend those leases that are this host's and token's to `seconds` from now, in one statement.

    `held`: run, node, number and token. Answers for each `run/node/number` what became of it; an unknown
    attempt is lost.
    """
    if not held:
        return []
    runs, nodes, numbers, tokens = (list(column) for column in zip(*held, strict=True))
    rows = await connection.fetch(_EXTEND, runs, nodes, numbers, tokens, host, seconds)
    answers = {f"{run}/{node}/{number}": Holding.LOST for run, node, number, _ in held}
    for run, node, number, holding in rows:
        id_, found = f"{run}/{node}/{number}", Holding(holding)
        answers[id_] = max(answers[id_], found, key=_RANK.index)
    return list(answers.items())


_EXTEND_ALL = """
WITH live AS MATERIALIZED (
    SELECT run_id, node, number FROM attempts
    WHERE status = 'RUNNING' AND lease_until < statement_timestamp() + make_interval(secs => $1)
    ORDER BY run_id, node, number FOR NO KEY UPDATE
), extended AS (
    UPDATE attempts SET lease_until = greatest(lease_until, clock_timestamp() + make_interval(secs => $1))
    FROM live
    WHERE attempts.run_id = live.run_id AND attempts.node = live.node AND attempts.number = live.number
), noted AS (
    INSERT INTO sweeps (single, at) VALUES (true, clock_timestamp())
    ON CONFLICT (single) DO UPDATE SET at = excluded.at
)
SELECT count(*) FROM live
"""


async def extend_all_live(connection: Any, seconds: float) -> int:
    """Extend every live lease to at least `seconds` from now, and say how many there are.

    For the time after an outage of our own: hosts could not renew, which is no reason to call them lost. It
    counts as a sweep, so that of several replicas that come back one does it.
    """
    count: int = await connection.fetchval(_EXTEND_ALL, seconds)
    return count
