"""What is due: read by the sweep in one query and without a lock. The door decides whether it still holds."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from airlock_orchestration.engine.retry import LOST_AFTER

DUE_LIMIT = 256
"""Of each kind per query: the sweeper comes again at once where there may be more."""


class DueKind(StrEnum):
    """Why something is to be looked at."""

    REDISPATCH = "redispatch"
    """Nobody claimed the attempt: publish it again."""
    LEASE = "lease"
    """The attempt's lease ended, and the time to call it lost has come."""
    DEADLINE = "deadline"
    """The attempt took too long and its host did not end it."""
    RETRY = "retry"
    """The node has backed off long enough."""
    APPROVAL = "approval"
    """Nobody decided the approval in time."""


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that is due."""

    kind: DueKind
    run: str
    node: str
    number: int
    """Of the attempt; 0 for an approval."""
    approval: str | None
    at: datetime
    """Since when it is due."""


# `statement_timestamp()`, not `clock_timestamp()`: only what stands still during a statement uses an index.
_DUE = """
(SELECT 'redispatch' AS kind, run_id::text, node, number, NULL::text AS approval, redispatch_at AS at
FROM attempts WHERE status = 'DISPATCHED' AND redispatch_at <= statement_timestamp()
ORDER BY redispatch_at LIMIT $2)
UNION ALL
(SELECT 'lease', run_id::text, node, number, NULL, lease_until + make_interval(secs => $1)
FROM attempts WHERE status = 'RUNNING' AND lease_until < statement_timestamp() - make_interval(secs => $1)
ORDER BY lease_until LIMIT $2)
UNION ALL
(SELECT 'deadline', run_id::text, node, number, NULL, deadline
FROM attempts WHERE status = 'RUNNING' AND deadline <= statement_timestamp()
ORDER BY deadline LIMIT $2)
UNION ALL
(SELECT 'retry', run_id::text, node, attempt, NULL, retry_at
FROM nodes WHERE status = 'BACKING_OFF' AND retry_at <= statement_timestamp()
ORDER BY retry_at LIMIT $2)
UNION ALL
(SELECT 'approval', run_id::text, node, 0, id::text, expires_at
FROM approvals WHERE status = 'PENDING' AND expires_at <= statement_timestamp()
ORDER BY expires_at LIMIT $2)
"""
_NOTE = """
UPDATE sweeps SET at = clock_timestamp()
WHERE at > clock_timestamp() - make_interval(secs => $1) RETURNING true
"""


async def read_due(connection: Any, limit: int = DUE_LIMIT) -> list[Due]:
    """What is due now, at most `limit` of each kind, the oldest of each first."""
    rows = await connection.fetch(_DUE, LOST_AFTER.total_seconds(), limit)
    return [Due(DueKind(row[0]), *row[1:]) for row in rows]


async def note_sweep(connection: Any, gap_seconds: float) -> bool:
    """Note that a replica sweeps now. False, and nothing noted: none did for `gap_seconds`."""
    return bool(await connection.fetchval(_NOTE, gap_seconds))
