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
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that would sleep for ever, or wake for nothing."""

    run: str
    node: str | None
    status: str
    why: str


_VIOLATIONS = """
WITH open_runs AS MATERIALIZED (
    SELECT id, workflow_version_id, status FROM runs WHERE finished_at IS NULL
), edges AS MATERIALIZED (
    SELECT workflow_versions.id AS workflow_version_id, spec_node ->> 'id' AS node, parent
    FROM workflow_versions,
        jsonb_array_elements(spec -> 'nodes') AS spec_node,
        jsonb_array_elements_text(coalesce(spec_node -> 'depends_on', '[]')) AS parent
    WHERE workflow_versions.id IN (SELECT workflow_version_id FROM open_runs)
), open_nodes AS MATERIALIZED (
    SELECT nodes.*, open_runs.workflow_version_id, open_runs.status AS run_status
    FROM nodes LEFT JOIN open_runs ON open_runs.id = run_id
    WHERE nodes.status NOT IN ('SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED')
), open_parents AS MATERIALIZED (
    SELECT DISTINCT child.run_id, child.node
    FROM open_nodes AS child
    JOIN edges ON edges.workflow_version_id = child.workflow_version_id AND edges.node = child.node
    JOIN open_nodes AS parent ON parent.run_id = child.run_id AND parent.node = edges.parent
    WHERE child.status = 'PENDING'
)
SELECT n.run_id::text AS run, n.node, n.status,
    CASE
        WHEN n.run_status IS NULL THEN 'its run is over'
        WHEN n.status = 'PENDING' THEN 'no predecessor is open'
        WHEN n.status = 'QUEUED' THEN 'no attempt is dispatched'
        WHEN n.status = 'RUNNING' THEN 'no attempt runs with a lease and a deadline'
        WHEN n.status = 'BACKING_OFF' THEN 'no time to retry'
        ELSE 'no approval is open'
    END AS why
FROM open_nodes n
LEFT JOIN attempts a ON a.run_id = n.run_id AND a.node = n.node AND a.number = n.attempt
LEFT JOIN approvals q ON q.id = n.approval
LEFT JOIN open_parents p ON p.run_id = n.run_id AND p.node = n.node
WHERE n.run_status IS NULL OR CASE n.status
    WHEN 'PENDING' THEN p.node IS NULL
    WHEN 'QUEUED' THEN (a.status = 'DISPATCHED' AND a.redispatch_at IS NOT NULL) IS NOT TRUE
    WHEN 'RUNNING' THEN
        (a.status = 'RUNNING' AND a.lease_until IS NOT NULL AND a.deadline IS NOT NULL) IS NOT TRUE
    WHEN 'BACKING_OFF' THEN n.retry_at IS NULL
    ELSE (q.status = 'PENDING' AND q.expires_at IS NOT NULL) IS NOT TRUE
END
UNION ALL
SELECT id::text, NULL, status, 'all its nodes are over'
FROM open_runs WHERE NOT EXISTS (SELECT FROM open_nodes WHERE run_id = open_runs.id)
UNION ALL
SELECT a.run_id::text, a.node, a.status, 'attempt ' || a.number || ' is open, its node is not at it'
FROM attempts a JOIN nodes n ON n.run_id = a.run_id AND n.node = a.node
WHERE a.status IN ('DISPATCHED', 'RUNNING')
  AND (n.attempt, n.status) IS DISTINCT FROM
      (a.number, CASE a.status WHEN 'DISPATCHED' THEN 'QUEUED' ELSE 'RUNNING' END)
UNION ALL
SELECT q.run_id::text, q.node, q.status, 'approval ' || q.id || ' is open, its node does not wait for it'
FROM approvals q JOIN nodes n ON n.run_id = q.run_id AND n.node = q.node
WHERE q.status = 'PENDING' AND (n.approval, n.status) IS DISTINCT FROM (q.id, 'WAITING_APPROVAL')
LIMIT 1000
"""


async def violations(connection: Any) -> list[Violation]:
    """What breaks the certificate, at most 1,000 rows. Anything but an empty list is a bug of ours."""
    return [Violation(*row) for row in await connection.fetch(_VIOLATIONS)]
