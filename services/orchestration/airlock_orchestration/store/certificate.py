"""The wake-up certificate: whatever is not over has a reason to wake. Its query returns no row, ever.

| what | its reason to wake |
|---|---|
| node PENDING | a predecessor that is not over |
| node QUEUED | its attempt is DISPATCHED and has a time to be sent again |
| node RUNNING | its attempt is RUNNING and has a lease and a deadline |
| node BACKING_OFF | a time to retry |
| node WAITING_APPROVAL | an open approval, which expires |
| run | a node that is not over |

And the other way round: what is over leaves nothing behind that wakes for nothing.

The reasons are looked up in one place, for the certificate and for whoever asks why a run waits: what is
explained is what was certified.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from airlock_contracts.failures import Failure
from airlock_contracts.statuses import NodeStatus, OnExpiry

from airlock_orchestration.engine.waiting import OpenNode


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that would sleep for ever, or wake for nothing."""

    run: str
    node: str | None
    status: str
    why: str


_ALL = ("finished_at IS NULL", "true", "true")
_ONE = ("finished_at IS NULL AND id = $1::uuid", "run_id = $1::uuid", "a.run_id = $1::uuid")
"""Which runs, which of their rows: of all runs, or of one."""

# Every open node with what may wake it; `why` says what is missing, and is null for all of them, always.
_REASONS = """
WITH open_runs AS MATERIALIZED (
    SELECT id, workflow_version_id, status FROM runs WHERE {which_runs}
), edges AS MATERIALIZED (
    SELECT workflow_versions.id AS workflow_version_id, spec_node ->> 'id' AS node, parent
    FROM workflow_versions,
        jsonb_array_elements(spec -> 'nodes') AS spec_node,
        jsonb_array_elements_text(coalesce(spec_node -> 'depends_on', '[]')) AS parent
    WHERE workflow_versions.id IN (SELECT workflow_version_id FROM open_runs)
), open_nodes AS MATERIALIZED (
    SELECT nodes.*, open_runs.workflow_version_id, open_runs.status AS run_status
    FROM nodes LEFT JOIN open_runs ON open_runs.id = run_id
    WHERE nodes.status NOT IN ('SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED') AND {which_nodes}
), open_parents AS MATERIALIZED (
    SELECT child.run_id, child.node, array_agg(DISTINCT parent.node) AS parents
    FROM open_nodes AS child
    JOIN edges ON edges.workflow_version_id = child.workflow_version_id AND edges.node = child.node
    JOIN open_nodes AS parent ON parent.run_id = child.run_id AND parent.node = edges.parent
    WHERE child.status = 'PENDING'
    GROUP BY child.run_id, child.node
), reasons AS (
    SELECT n.run_id, n.node, n.position, n.status, n.failures, n.losses, n.retry_at, p.parents,
        a.number, a.sends, a.dispatched_at, a.redispatch_at, a.host, a.started_at, a.lease_until, a.deadline,
        a.finished_at, a.failure::text AS failure,
        q.id AS approval, q.requested_at, q.expires_at, q.on_expiry,
        CASE
            WHEN n.run_status IS NULL THEN 'its run is over'
            WHEN n.status = 'PENDING' THEN CASE WHEN p.parents IS NULL THEN 'no predecessor is open' END
            WHEN n.status = 'QUEUED' THEN CASE
                WHEN (a.status = 'DISPATCHED' AND a.redispatch_at IS NOT NULL) IS NOT TRUE
                THEN 'no attempt is dispatched' END
            WHEN n.status = 'RUNNING' THEN CASE
                WHEN (a.status = 'RUNNING' AND a.lease_until IS NOT NULL AND a.deadline IS NOT NULL)
                    IS NOT TRUE
                THEN 'no attempt runs with a lease and a deadline' END
            WHEN n.status = 'BACKING_OFF' THEN CASE WHEN n.retry_at IS NULL THEN 'no time to retry' END
            ELSE CASE
                WHEN (q.status = 'PENDING' AND q.expires_at IS NOT NULL) IS NOT TRUE
                THEN 'no approval is open' END
        END AS why
    FROM open_nodes n
    LEFT JOIN attempts a ON a.run_id = n.run_id AND a.node = n.node AND a.number = n.attempt
    LEFT JOIN approvals q ON q.id = n.approval
    LEFT JOIN open_parents p ON p.run_id = n.run_id AND p.node = n.node
)
"""
_VIOLATIONS = """
SELECT run_id::text AS run, node, status, why FROM reasons WHERE why IS NOT NULL
UNION ALL
SELECT id::text, NULL, status, 'all its nodes are over'
FROM open_runs WHERE NOT EXISTS (SELECT FROM open_nodes WHERE run_id = open_runs.id)
UNION ALL
SELECT a.run_id::text, a.node, a.status, 'attempt ' || a.number || ' is open, its node is not at it'
FROM attempts a JOIN nodes n ON n.run_id = a.run_id AND n.node = a.node
WHERE a.status IN ('DISPATCHED', 'RUNNING') AND {which_rows}
  AND (n.attempt, n.status) IS DISTINCT FROM
      (a.number, CASE a.status WHEN 'DISPATCHED' THEN 'QUEUED' ELSE 'RUNNING' END)
UNION ALL
SELECT a.run_id::text, a.node, a.status, 'approval ' || a.id || ' is open, its node does not wait for it'
FROM approvals a JOIN nodes n ON n.run_id = a.run_id AND n.node = a.node
WHERE a.status = 'PENDING' AND {which_rows}
  AND (n.approval, n.status) IS DISTINCT FROM (a.id, 'WAITING_APPROVAL')
LIMIT 1000
"""
_OPEN_NODES = "SELECT * FROM reasons ORDER BY position"


def _of(which: tuple[str, str, str], rest: str) -> str:
    runs, nodes, rows = which
    return (_REASONS + rest).format(which_runs=runs, which_nodes=nodes, which_rows=rows)


async def violations(connection: Any, run: str | None = None) -> list[Violation]:
    """What breaks the certificate, at most 1,000 rows, of all runs or one. Anything but [] is our bug."""
    if run is None:
        rows = await connection.fetch(_of(_ALL, _VIOLATIONS))
    else:
        rows = await connection.fetch(_of(_ONE, _VIOLATIONS), run)
    return [Violation(*row) for row in rows]


async def open_nodes(connection: Any, run: str) -> list[OpenNode]:
    """The nodes of a run that are not over, in topological order, with what will wake each."""
    return [_open_node(row) for row in await connection.fetch(_of(_ONE, _OPEN_NODES), run)]


def _open_node(row: Any) -> OpenNode:
    approval, on_expiry = row["approval"], row["on_expiry"]
    failure = row["failure"]
    return OpenNode(
        id=row["node"],
        status=NodeStatus(row["status"]),
        unwoken=row["why"],
        parents=tuple(sorted(row["parents"] or ())),
        failures=row["failures"],
        losses=row["losses"],
        attempt=row["number"],
        sends=row["sends"] or 0,
        dispatched_at=row["dispatched_at"],
        redispatch_at=row["redispatch_at"],
        host=row["host"],
        started_at=row["started_at"],
        lease_until=row["lease_until"],
        deadline=row["deadline"],
        finished_at=row["finished_at"],
        failure=None if failure is None else Failure.model_validate(orjson.loads(failure)),
        retry_at=row["retry_at"],
        approval=None if approval is None else str(approval),
        requested_at=row["requested_at"],
        expires_at=row["expires_at"],
        on_expiry=None if on_expiry is None else OnExpiry(on_expiry),
    )
