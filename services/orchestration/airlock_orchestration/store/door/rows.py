"""Changed runs as rows: what goes into the door's statement, column by column."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from airlock_contracts.events import EventType
from airlock_contracts.failures import Failure

from airlock_orchestration.engine.effects import (
    CloseApproval,
    DispatchAttempt,
    KeepInput,
    KeepOutput,
    RecallAttempt,
    RequestApproval,
    RunFinished,
    WriteAttempt,
)
from airlock_orchestration.engine.signals import Evidence
from airlock_orchestration.engine.state import NodeState

from ..json_text import clean_text, to_jsonb
from ..tables import Direction
from .changes import ExpiryGuard, LeaseGuard, RunChange
from .rowsets import ROWSETS

Rows = dict[str, list[tuple[object, ...]]]


def rows_of(changes: Sequence[RunChange]) -> Rows:
    """The rows of a batch, by row set; those that have none are left out."""
    rows: Rows = {name: [] for name in ROWSETS}
    for i, change in enumerate(changes, start=1):
        _add_run(rows, i, change)
        _add_nodes(rows, i, change)
        _add_effects(rows, i, change)
        _add_guards(rows, i, change)
        project = change.run.plan.project
        rows["events"].extend(
            (i, f.seq, project, f.at, f.type, clean_text(f.principal), f.node, to_jsonb(f.data))
            for f in change.events
        )
    if rows["lease_guards"]:
        # One pass over all attempts that will be written, so that heartbeats and we lock in one order.
        guarded = {row[:3] for row in rows["lease_guards"]} | {row[:3] for row in rows["attempts"]}
        rows["locks"] = sorted(guarded)
    return {name: some for name, some in rows.items() if some}


def _add_run(rows: Rows, i: int, change: RunChange) -> None:
    run, new = change.run, change.created
    if (new is None) != (change.before_version > 0):
        raise ValueError(f"run {run.id}: version {change.before_version} and creation contradict each other")
    rows["runs"].append(
        (run.id, change.before_version, run.status, run.last_event, _failure(run.failure), run.finished_at)
    )
    if new is None:
        return
    rows["created"].append(
        (
            i,
            run.plan.project,
            new.workflow_id,
            new.workflow_version_id,
            new.context,
            new.context_sha256,
            to_jsonb(new.agents),
            change.events[0].at,
            clean_text(new.created_by),
            new.retry_of,
            None if new.trigger_key is None else clean_text(new.trigger_key),
            new.trigger_fingerprint,
            new.trigger_kind,
            new.traceparent,
        )
    )
    rows["uses"].extend((i, "", sha256, Direction.INPUT) for sha256 in sorted(set(new.artifacts)))


def _add_nodes(rows: Rows, i: int, change: RunChange) -> None:
    run = change.run
    for position, name in enumerate(run.plan.nodes):
        if change.created is not None or name in change.changed:
            rows["nodes"].append((i, name, position, *_node(run.nodes[name])))


def _node(node: NodeState) -> tuple[object, ...]:
    return (
        node.status,
        node.open_parents,
        node.failures,
        node.losses,
        None if node.attempt is None else node.attempt.number,
        node.retry_at,
        None if node.approval is None else node.approval.id,
        node.input_sha256,
        node.preview_sha256,
        node.output_sha256,
        _failure(node.failure),
        node.started_at,
        node.finished_at,
        node.reused_from,
    )


def _add_effects(rows: Rows, i: int, change: RunChange) -> None:
    written: dict[tuple[str, int], WriteAttempt] = {}
    seen: dict[tuple[str, int], Evidence] = {}
    asked: dict[str, RequestApproval] = {}
    closed: dict[str, CloseApproval] = {}
    uses: set[tuple[str, str]] = set()
    for effect in change.effects:
        match effect:
            case WriteAttempt(node, attempt, evidence):
                # Over several signals the last state wins, and what was seen stays.
                written[node, attempt.number] = effect
                if evidence is not None:
                    seen[node, attempt.number] = evidence
            case RequestApproval():
                asked[effect.approval] = effect
            case CloseApproval():
                closed[effect.approval] = effect
            case KeepInput(node, data):
                rows["inputs"].append((i, node, data))
            case KeepOutput(node, data, artifacts):
                rows["outputs"].append((i, node, data))
                uses.update((node, artifact.sha256) for artifact in artifacts)
            case DispatchAttempt() | RecallAttempt() | RunFinished():
                pass  # done after the commit, from memory
            case _:
                assert_never(effect)
    for key in sorted(written):
        rows["attempts"].append((i, *_attempt(written[key], seen.get(key))))
    _add_approvals(rows, i, change, asked, closed)
    rows["uses"].extend((i, node, sha256, Direction.OUTPUT) for node, sha256 in sorted(uses))


def _attempt(effect: WriteAttempt, evidence: Evidence | None) -> tuple[object, ...]:
    attempt = effect.attempt
    return (
        effect.node,
        attempt.number,
        attempt.status,
        attempt.dispatched_at,
        attempt.sends,
        attempt.redispatch_at,
        attempt.token,
        None if attempt.host is None else clean_text(attempt.host),
        attempt.started_at,
        attempt.lease_until,
        attempt.deadline,
        attempt.finished_at,
        _failure(attempt.failure),
        None if evidence is None else evidence.raw_output or None,
        None if evidence is None else clean_text(evidence.stderr_tail) or None,
        None if evidence is None else to_jsonb(evidence.usage.model_dump(exclude_none=True)),
    )


def _add_approvals(
    rows: Rows, i: int, change: RunChange, asked: dict[str, RequestApproval], closed: dict[str, CloseApproval]
) -> None:
    at: dict[str | None, datetime] = {
        fact.node: fact.at for fact in change.events if fact.type is EventType.APPROVAL_REQUESTED
    }
    for id_, ask in sorted(asked.items()):
        # Asked and answered by one batch (a cancel right behind it): one row, already closed.
        answer = closed.pop(id_, None)
        rows["questions"].append(
            (
                i,
                id_,
                change.run.plan.project,
                ask.node,
                "PENDING" if answer is None else answer.status,
                ask.payload_sha256,
                None if ask.preview is None else clean_text(ask.preview),
                ask.on_expiry,
                at[ask.node],
                ask.expires_at,
                *((None, None, None) if answer is None else _answer(answer)),
            )
        )
    rows["answers"].extend((i, id_, a.status, *_answer(a)) for id_, a in sorted(closed.items()))


def _answer(answer: CloseApproval) -> tuple[object, ...]:
    return answer.at, clean_text(answer.principal), clean_text(answer.notes)


def _add_guards(rows: Rows, i: int, change: RunChange) -> None:
    for guard in change.guards:
        match guard:
            case LeaseGuard(node, number, lapsed_by):
                rows["lease_guards"].append((i, node, number, lapsed_by))
            case ExpiryGuard(approval, expired):
                rows["expiry_guards"].append((i, approval, expired))
            case _:
                assert_never(guard)


def _failure(failure: Failure | None) -> str | None:
    return None if failure is None else to_jsonb(failure.model_dump())
