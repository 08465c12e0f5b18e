"""The door's statement: one data-modifying statement per batch, so one round trip, one commit and no BEGIN.

It is put together from the parts that a batch needs: an empty part would still cost its start. The order of
locks is the same in every process, so two batches never wait for each other in a circle:
1. the runs, by id, where the version is the one that was read (`locked`); a lost race simply does not match;
2. attempts, by key, if a lease is guarded (`held`): heartbeats lock only attempts, in the same order;
3. artifacts that are named, by digest (`present`), so that nobody removes them meanwhile;
4. new runs, by their unique keys (`inserted`); a known id or trigger key does not match.
`verdict` then holds one flag per change, and every write asks it for its own: nothing of a change that does
not match is written, whatever happens to the rest of the batch.
"""

from functools import cache

from .rowsets import from_items

_ASKED = """asked AS MATERIALIZED (
    SELECT row::int AS i, id, before, status, last_event, failure::jsonb AS failure, finished_at FROM {runs}
)"""
_LOCKED = """locked AS MATERIALIZED (
    SELECT i
    FROM (SELECT i, id, before FROM asked WHERE before > 0 ORDER BY id) AS wanted, LATERAL (
        SELECT FROM runs WHERE runs.id = wanted.id AND version = before FOR NO KEY UPDATE
    ) AS run
)"""
_HELD = """held AS MATERIALIZED (
    SELECT i, node, number, status, lease_until
    FROM (
        SELECT i, ($1::uuid[])[i] AS run_id, node, number FROM {locks}
        WHERE i IN (SELECT i FROM locked) ORDER BY 2, node, number
    ) AS wanted, LATERAL (
        SELECT status, lease_until FROM attempts
        WHERE attempts.run_id = wanted.run_id AND attempts.node = wanted.node
          AND attempts.number = wanted.number
        FOR NO KEY UPDATE
    ) AS attempt
)"""
_PRESENT = """present AS MATERIALIZED (
    SELECT wanted.sha256
    FROM (
        SELECT DISTINCT sha256 FROM {uses} WHERE (SELECT count(*) FROM locked) >= 0 ORDER BY sha256
    ) AS wanted, LATERAL (
        SELECT FROM artifacts WHERE artifacts.sha256 = wanted.sha256 AND complete FOR KEY SHARE
    ) AS artifact
)"""
# After the locks: what must be exact is compared with this.
_CLOCK = """clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now FROM (SELECT count(*) FROM locked) AS after_runs
)"""
_CLOCK_AFTER_HELD = """clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now
    FROM (SELECT count(*) FROM locked) AS after_runs, (SELECT count(*) FROM held) AS after_attempts
)"""
_REFUSALS = {
    "lease_guards": """
    SELECT lease_guards.i FROM {lease_guards}, clock
    WHERE NOT EXISTS (
        SELECT FROM held
        WHERE held.i = lease_guards.i AND held.node = lease_guards.node AND held.number = lease_guards.number
          AND held.status = 'RUNNING' AND held.lease_until + make_interval(secs => lapsed_by) < clock.now
    )""",
    "expiry_guards": """
    SELECT i FROM {expiry_guards}, clock
    WHERE NOT EXISTS (
        SELECT FROM approvals
        WHERE approvals.id = expiry_guards.id AND status = 'PENDING' AND (expires_at <= clock.now) = expired
        OFFSET 0
    )""",
    "uses": """
    SELECT i FROM {uses} WHERE sha256 NOT IN (SELECT sha256 FROM present)""",
}
# Only of changes that would have matched: the others were too late, whatever their guards say.
_REFUSED = """ARRAY(
    SELECT i FROM refused JOIN asked USING (i) WHERE before = 0 OR i IN (SELECT i FROM locked)
)"""
_INSERTED = """inserted AS (
    INSERT INTO runs (
        id, project, workflow_id, workflow_version_id, status, version, last_event, context, context_sha256,
        agents, failure, created_at, created_by, finished_at, retry_of, trigger_key, trigger_fingerprint,
        trigger_kind, traceparent)
    SELECT
        asked.id, project, workflow_id, workflow_version_id, status, 1, last_event, context, context_sha256,
        agents::jsonb, failure, created_at, created_by, finished_at, retry_of, trigger_key,
        trigger_fingerprint, trigger_kind, traceparent
    FROM {created} JOIN asked USING (i)
    WHERE (SELECT count(*) FROM locked) >= 0 AND {not_refused}
    ORDER BY project, workflow_id, trigger_key, asked.id
    ON CONFLICT DO NOTHING
    RETURNING id
)"""
_VERDICT = """verdict AS MATERIALIZED (
    SELECT array_agg((i IN (SELECT i FROM locked) AND {not_refused}){or_inserted} ORDER BY i) AS flags
    FROM asked
)"""
_WRITES = {
    "runs": """
    UPDATE runs SET
        version = runs.version + 1, status = asked.status, last_event = asked.last_event,
        failure = asked.failure, finished_at = asked.finished_at
    FROM asked
    WHERE runs.id = asked.id AND runs.id = ANY($1::uuid[]) AND asked.before > 0
      AND (SELECT flags FROM verdict)[asked.i]""",
    "nodes": """
    INSERT INTO nodes (
        run_id, node, position, status, open_parents, failures, losses, attempt, retry_at, approval,
        input_sha256, preview_sha256, output_sha256, failure, started_at, finished_at, reused_from)
    SELECT
        ($1::uuid[])[i], node, position, status, open_parents, failures, losses, attempt, retry_at, approval,
        input_sha256, preview_sha256, output_sha256, failure::jsonb, started_at, finished_at, reused_from
    FROM {nodes} WHERE (SELECT flags FROM verdict)[i]
    ON CONFLICT (run_id, node) DO UPDATE SET
        status = excluded.status, open_parents = excluded.open_parents, failures = excluded.failures,
        losses = excluded.losses, attempt = excluded.attempt, retry_at = excluded.retry_at,
        approval = excluded.approval, input_sha256 = excluded.input_sha256,
        preview_sha256 = excluded.preview_sha256, output_sha256 = excluded.output_sha256,
        failure = excluded.failure, started_at = excluded.started_at, finished_at = excluded.finished_at,
        reused_from = excluded.reused_from""",
    # Heartbeats may have moved a lease on since the state was read: it never goes back.
    "attempts": """
    INSERT INTO attempts (
        run_id, node, number, status, dispatched_at, sends, redispatch_at, token, host, started_at,
        lease_until, deadline, finished_at, failure, raw_output, stderr_tail, usage)
    SELECT
        ($1::uuid[])[i], node, number, status, dispatched_at, sends, redispatch_at, token, host, started_at,
        lease_until, deadline, finished_at, failure::jsonb, raw_output, stderr_tail, usage::jsonb
    FROM {attempts} WHERE (SELECT flags FROM verdict)[i]
    ON CONFLICT (run_id, node, number) DO UPDATE SET
        status = excluded.status, sends = excluded.sends, redispatch_at = excluded.redispatch_at,
        token = excluded.token, host = excluded.host, started_at = excluded.started_at,
        lease_until = CASE WHEN excluded.lease_until IS NULL THEN NULL
                           ELSE greatest(attempts.lease_until, excluded.lease_until) END,
        deadline = excluded.deadline, finished_at = excluded.finished_at, failure = excluded.failure,
        raw_output = coalesce(excluded.raw_output, attempts.raw_output),
        stderr_tail = coalesce(excluded.stderr_tail, attempts.stderr_tail),
        usage = coalesce(excluded.usage, attempts.usage)""",
    "questions": """
    INSERT INTO approvals (
        id, project, run_id, node, status, payload_sha256, preview, on_expiry, requested_at, expires_at,
        decided_at, decided_by, notes)
    SELECT
        id, project, ($1::uuid[])[i], node, status, payload_sha256, preview, on_expiry, requested_at,
        expires_at, decided_at, decided_by, notes
    FROM {questions} WHERE (SELECT flags FROM verdict)[i]""",
    "answers": """
    UPDATE approvals SET
        status = answers.status, decided_at = answers.decided_at, decided_by = answers.decided_by,
        notes = answers.notes
    FROM {answers}
    WHERE approvals.id = answers.id AND approvals.id = ANY(ARRAY(SELECT id FROM {answers}))
      AND approvals.status = 'PENDING'
      AND (SELECT flags FROM verdict)[answers.i]""",
    "inputs": """
    INSERT INTO inputs (run_id, node, input)
    SELECT ($1::uuid[])[i], node, input FROM {inputs} WHERE (SELECT flags FROM verdict)[i]""",
    "outputs": """
    INSERT INTO outputs (run_id, node, output)
    SELECT ($1::uuid[])[i], node, output FROM {outputs} WHERE (SELECT flags FROM verdict)[i]""",
    "uses": """
    INSERT INTO artifact_uses (run_id, node, sha256, direction)
    SELECT ($1::uuid[])[i], node, sha256, direction FROM {uses} WHERE (SELECT flags FROM verdict)[i]
    ON CONFLICT DO NOTHING""",
    "events": """
    INSERT INTO events (run_id, seq, project, at, type, principal, node, data, v)
    SELECT ($1::uuid[])[i], seq, project, at, type, principal, node, data::jsonb, 1
    FROM {events} WHERE (SELECT flags FROM verdict)[i]""",
}


@cache  # bounded by the shapes there are
def statement(present: tuple[str, ...]) -> str:
    """The statement for a batch that has rows in these row sets, in the order of `ROWSETS`."""
    parts = [_ASKED, _LOCKED]
    if "locks" in present:
        parts.append(_HELD)
    if "uses" in present:
        parts.append(_PRESENT)
    if "lease_guards" in present or "expiry_guards" in present:
        parts.append(_CLOCK_AFTER_HELD if "locks" in present else _CLOCK)
    refusals = [sql for name, sql in _REFUSALS.items() if name in present]
    if refusals:
        parts.append(f"refused AS MATERIALIZED ({' UNION '.join(refusals)}\n)")
    if "created" in present:
        parts.append(_INSERTED)
    parts.append(_VERDICT)
    parts.extend(f"w_{name} AS ({sql}\n)" for name, sql in _WRITES.items() if name in present)
    refused = _REFUSED if refusals else "'{{}}'::int[]"
    whole = (
        f"WITH {', '.join(parts)}\nSELECT flags, {refused} AS refused, clock_timestamp() AS now FROM verdict"
    )
    return whole.format(
        **from_items(present),
        not_refused="i NOT IN (SELECT i FROM refused)" if refusals else "true",
        or_inserted=" OR id IN (SELECT id FROM inserted)" if "created" in present else "",
    )
