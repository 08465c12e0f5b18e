"""Runs on the path: their states, the values that templates read, and the end of a poisoned one.

Everything takes an asyncpg connection and answers for many runs at once.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson
from airlock_contracts.failures import INTERNAL, Failure, FailureKind
from airlock_contracts.statuses import ApprovalStatus, AttemptStatus, NodeStatus, RunStatus

from airlock_orchestration.engine.state import (
    ApprovalState,
    AttemptState,
    NodeState,
    Retried,
    RunState,
    Values,
    count_statuses,
)

from .contexts import Contexts
from .json_text import to_jsonb
from .plans import PlanKey, PlanSource

_RUNS = """
SELECT id::text, workflow_version_id::text, status, version, last_event, agents, failure, finished_at,
    traceparent, trigger_kind, retry_of::text,
    (SELECT old.traceparent FROM runs AS old WHERE old.id = runs.retry_of) AS retried_traceparent
FROM runs WHERE id = ANY($1::uuid[])
"""
_NODES = """
SELECT
    n.run_id::text, n.node, n.status, n.open_parents, n.failures, n.losses, n.retry_at,
    n.input_sha256, n.preview_sha256, n.output_sha256, n.failure, n.started_at, n.finished_at,
    n.reused_from::text,
    a.number, a.status AS a_status, a.dispatched_at, a.sends, a.redispatch_at, a.token, a.host,
    a.started_at AS a_started_at, a.lease_until, a.deadline, a.finished_at AS a_finished_at,
    a.failure AS a_failure,
    q.id::text AS q_id, q.status AS q_status, q.payload_sha256, q.expires_at,
    q.decided_at
FROM nodes n
LEFT JOIN LATERAL (
    SELECT * FROM attempts WHERE run_id = n.run_id AND node = n.node AND number = n.attempt OFFSET 0
) a ON true
LEFT JOIN LATERAL (SELECT * FROM approvals WHERE id = n.approval OFFSET 0) q ON true
WHERE n.run_id = ANY($1::uuid[])
ORDER BY n.run_id, n.position
"""


async def load_states(connection: Any, ids: Collection[str], plans: PlanSource) -> dict[str, RunState]:
    """Read runs as the engine knows them; an unknown id is not in the answer.

    The run's row is read first: if its nodes change before they are read, its version is already an old one,
    and a change that builds on this state does not match.
    """
    rows = await connection.fetch(_RUNS, sorted(ids))
    keys = {row["id"]: PlanKey.of(row["workflow_version_id"], orjson.loads(row["agents"])) for row in rows}
    nodes: dict[str, dict[str, NodeState]] = {row["id"]: {} for row in rows}
    for row in await connection.fetch(_NODES, sorted(nodes)):
        nodes[row["run_id"]][row["node"]] = _node(row)
    found = await plans.plans(connection, set(keys.values()))
    return {
        row["id"]: RunState(
            id=row["id"],
            plan=found[keys[row["id"]]],
            status=RunStatus(row["status"]),
            nodes=nodes[row["id"]],
            counts=count_statuses(nodes[row["id"]]),
            last_event=row["last_event"],
            version=row["version"],
            failure=_failure(row["failure"]),
            finished_at=row["finished_at"],
            traceparent=row["traceparent"],
            trigger=row["trigger_kind"],
            retries=None if row["retry_of"] is None else Retried(row["retry_of"], row["retried_traceparent"]),
        )
        for row in rows
    }


def _node(row: Any) -> NodeState:
    return NodeState(
        status=NodeStatus(row["status"]),
        open_parents=row["open_parents"],
        failures=row["failures"],
        losses=row["losses"],
        attempt=None if row["number"] is None else _attempt(row),
        retry_at=row["retry_at"],
        approval=None if row["q_id"] is None else _approval(row),
        input_sha256=row["input_sha256"],
        preview_sha256=row["preview_sha256"],
        output_sha256=row["output_sha256"],
        failure=_failure(row["failure"]),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        reused_from=row["reused_from"],
    )


def _attempt(row: Any) -> AttemptState:
    return AttemptState(
        number=row["number"],
        status=AttemptStatus(row["a_status"]),
        dispatched_at=row["dispatched_at"],
        sends=row["sends"],
        redispatch_at=row["redispatch_at"],
        token=row["token"],
        host=row["host"],
        started_at=row["a_started_at"],
        lease_until=row["lease_until"],
        deadline=row["deadline"],
        finished_at=row["a_finished_at"],
        failure=_failure(row["a_failure"]),
    )


def _approval(row: Any) -> ApprovalState:
    return ApprovalState(
        id=row["q_id"],
        status=ApprovalStatus(row["q_status"]),
        payload_sha256=row["payload_sha256"],
        expires_at=row["expires_at"],
        decided_at=row["decided_at"],
    )


def _failure(text: str | None) -> Failure | None:
    return None if text is None else Failure.model_validate(orjson.loads(text))


_CONTEXTS = "SELECT id::text, context FROM runs WHERE id = ANY($1::uuid[])"
_OUTPUTS = """
SELECT run_id::text, node, output
FROM unnest($1::uuid[], $2::text[]) AS wanted(run_id, node), LATERAL (
    SELECT output FROM outputs WHERE run_id = wanted.run_id AND node = wanted.node OFFSET 0
) AS kept
"""
_INPUTS = """
SELECT run_id::text, node, input
FROM unnest($1::uuid[], $2::text[]) AS wanted(run_id, node), LATERAL (
    SELECT input FROM inputs WHERE run_id = wanted.run_id AND node = wanted.node OFFSET 0
) AS kept
"""


async def load_values(
    connection: Any, wants: Mapping[str, Collection[str]], known: Contexts
) -> dict[str, Values]:
    """Read and parse what templates will read: for each run the roots `context` and `nodes.<id>`.

    `known` contexts are not read again; those that are read become known.
    """
    contexts: dict[str, object] = {}
    outputs: dict[str, dict[str, object]] = {run: {} for run in wants}
    for run, roots in wants.items():
        if "context" in roots and run in known:
            contexts[run] = known.get(run)
    asked = sorted(run for run, roots in wants.items() if "context" in roots and run not in contexts)
    if asked:
        for row in await connection.fetch(_CONTEXTS, asked):
            contexts[row["id"]] = json.loads(row["context"])
            known.put(row["id"], contexts[row["id"]], len(row["context"]))
    keys = [(run, root[6:]) for run, roots in wants.items() for root in roots if root.startswith("nodes.")]
    if keys:
        for (run, node), data in (await _bytes(connection, _OUTPUTS, keys)).items():
            # `json`, not orjson: whole numbers of any size stay what they are.
            outputs[run][node] = json.loads(data)
    return {run: Values(context=contexts.get(run), outputs=outputs[run]) for run in wants}


async def load_inputs(connection: Any, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """The resolved inputs of (run, node), byte for byte; one that was never resolved is not in the answer."""
    return await _bytes(connection, _INPUTS, keys) if keys else {}


async def load_outputs(connection: Any, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """The accepted outputs of (run, node), byte for byte; a node without one is not in the answer."""
    return await _bytes(connection, _OUTPUTS, keys) if keys else {}


async def _bytes(connection: Any, sql: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    runs, nodes = zip(*keys, strict=True)
    return {(row[0], row[1]): row[2] for row in await connection.fetch(sql, list(runs), list(nodes))}


async def load_context(connection: Any, run: str) -> bytes | None:
    """The trigger's input, byte for byte."""
    context: bytes | None = await connection.fetchval("SELECT context FROM runs WHERE id = $1::uuid", run)
    return context


async def find_by_trigger(
    connection: Any, project: str, workflow_id: str, key: str
) -> tuple[str, str | None] | None:
    """The run that a trigger key has made, and the fingerprint of what was asked then."""
    sql = (
        "SELECT id::text, trigger_fingerprint FROM runs "
        "WHERE project = $1 AND workflow_id = $2::uuid AND trigger_key = $3"
    )
    row = await connection.fetchrow(sql, project, workflow_id, key)
    return None if row is None else (row[0], row[1])


_KEY_WITHIN = """
SELECT coalesce(
    (
        SELECT trigger_key FROM runs
        WHERE project = $1 AND trigger_key = $3 || ' ' || (turn - 1)
            AND workflow_id = (SELECT id FROM workflows WHERE project = $1 AND name = $2)
            AND created_at > clock_timestamp() - make_interval(secs => $4)
    ),
    $3 || ' ' || turn
)
FROM (SELECT floor(extract(epoch FROM clock_timestamp()) / $4)::bigint AS turn OFFSET 0) AS clock
"""


async def key_within(connection: Any, project: str, workflow: str, same: str, *, seconds: int) -> str:
    """The trigger key of what is the same for so many seconds: that of its run, if there is one so young.

    `workflow` is its name. Time is cut into turns as long as that, and the key names its turn: so what comes
    twice at once meets in one key, and what comes again later has another.
    """
    key: str = await connection.fetchval(_KEY_WITHIN, project, workflow, same, float(seconds))
    return key


# Compares and sets like the door: if the run changed while its lock was waited for, nothing matches and it
# goes again with a fresh view of its nodes.
_POISON = """
WITH locked AS MATERIALIZED (
    SELECT runs.id, runs.project, runs.last_event + 1 AS seq, clock_timestamp() AS now
    FROM (SELECT id, version FROM runs WHERE id = $1::uuid AND finished_at IS NULL) AS seen
    JOIN runs ON runs.id = seen.id AND runs.version = seen.version
    FOR NO KEY UPDATE OF runs
), w_run AS (
    UPDATE runs SET version = version + 1, status = 'FAILED', last_event = locked.seq, failure = $2::jsonb,
        finished_at = locked.now
    FROM locked WHERE runs.id = locked.id
), w_nodes AS (
    UPDATE nodes SET
        status = CASE WHEN status = 'PENDING' THEN 'CANCELLED' ELSE 'FAILED' END, failure = $2::jsonb,
        retry_at = NULL, finished_at = locked.now
    FROM locked
    WHERE nodes.run_id = locked.id AND status NOT IN ('SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED')
), w_attempts AS (
    UPDATE attempts SET
        status = 'CANCELLED', redispatch_at = NULL, lease_until = NULL, deadline = NULL,
        finished_at = locked.now
    FROM locked WHERE attempts.run_id = locked.id AND status IN ('DISPATCHED', 'RUNNING')
), w_approvals AS (
    UPDATE approvals SET status = 'WITHDRAWN', decided_at = locked.now, decided_by = 'airlock'
    FROM locked WHERE approvals.run_id = locked.id AND status = 'PENDING'
), w_events AS (
    INSERT INTO events (run_id, seq, project, at, type, principal, data, v)
    SELECT id, seq, project, now, 'run.finished', 'airlock',
        jsonb_build_object('status', 'FAILED', 'failure', $2::jsonb), 1
    FROM locked
)
SELECT count(*) FROM locked
"""
_POISON_TRIES = 20
_POISONED = "Airlock could not go on with this run"


async def fail_poisoned(connection: Any, run: str, cause: str = "") -> bool:
    """End a run FAILED `internal`, whatever its state; False if it had ended already or is unknown.

    It is the way out for a run whose signal fails again and again: it asks nothing of the engine.
    """
    message = _POISONED + (f": {cause}" if cause else "")
    failure = Failure(kind=FailureKind.INTERNAL, code=INTERNAL, message=message[:4000])
    for _ in range(_POISON_TRIES):
        if await connection.fetchval(_POISON, run, to_jsonb(failure.model_dump())):
            return True
        sql = "SELECT count(*) FROM runs WHERE id = $1::uuid AND finished_at IS NULL"
        if not await connection.fetchval(sql, run):
            return False
    raise TimeoutError(f"run {run} changed {_POISON_TRIES} times while it was to be ended")


def was_poisoned(run: RunState) -> bool:
    """Whether a run was ended by `fail_poisoned`."""
    failure = run.failure
    return run.finished_at is not None and failure is not None and failure.message.startswith(_POISONED)
