"""What a commit ended, as spans: runs, nodes, attempts and waits, with the times of the state itself."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.traces import Attribute, child_of, span_id
from airlock_contracts import failures
from airlock_contracts.statuses import ApprovalStatus, AttemptStatus, RunStatus

from ..engine.effects import CloseApproval, RunFinished, WriteAttempt
from ..engine.state import AttemptState, RunState
from ..operations.entries import Committed
from ..operations.spans import (
    attempt_name,
    node_name,
    queue_name,
    span_of_attempt,
    span_of_node,
    span_of_run,
)
from .durations import waited

_ATTEMPT_ERRORS = {
    AttemptStatus.LOST: failures.SANDBOX_LOST,
    AttemptStatus.CANCELLED: failures.CANCELLED,
}
"""Of attempts that no host said anything about."""
_WAIT_ERRORS = {
    ApprovalStatus.REJECTED: failures.APPROVAL_REJECTED,
    ApprovalStatus.EXPIRED: failures.APPROVAL_EXPIRED,
    ApprovalStatus.WITHDRAWN: failures.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class EndedSpan:
    """A span that is over."""

    name: str
    id: str
    parent: str | None
    start: datetime
    end: datetime
    attributes: dict[str, Attribute]
    links: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """An attempt that is over, without what it said."""

    node: str
    state: AttemptState
    queued_until: datetime
    """When a host set out to start its sandbox; its end, where no host had it."""


@dataclass(frozen=True, slots=True)
class Endings:
    """What one commit ended of one run, and no more, so that it can wait: no inputs, outputs or evidence."""

    run: RunState
    """With the nodes that are told of alone."""
    attempts: tuple[EndedAttempt, ...] = ()
    waits: tuple[CloseApproval, ...] = ()
    nodes: tuple[str, ...] = ()
    began: datetime | None = None
    """When the run started, if it ended now."""

    def __len__(self) -> int:
        return 2 * len(self.attempts) + len(self.waits) + len(self.nodes) + (self.began is not None)

    def spans(self) -> Iterator[EndedSpan]:
        """One span for each; for an attempt a second one, of its time in the queue."""
        for attempt in self.attempts:
            yield _of_queue(self.run, attempt)
            yield _of_attempt(self.run, attempt.node, attempt.state)
        for wait in self.waits:
            yield _of_wait(self.run, wait)
        for node in self.nodes:
            yield _of_node(self.run, node)
        if self.began is not None:
            yield _of_run(self.run, self.began)


def endings(committed: Committed) -> Endings:
    """What a commit ended of its run."""
    run, effects = committed.step.run, committed.step.effects
    attempts = tuple(
        EndedAttempt(effect.node, effect.attempt, _queued_until(effect))
        for effect in effects
        if isinstance(effect, WriteAttempt) and effect.attempt.status.is_final
    )
    waits = tuple(effect for effect in effects if isinstance(effect, CloseApproval))
    # What is over changes no more.
    nodes = tuple(id_ for id_ in sorted(committed.step.changed) if run.nodes[id_].status.is_final)
    finished = any(isinstance(effect, RunFinished) for effect in effects)
    told = {*nodes, *(wait.node for wait in waits)}
    return Endings(
        run=replace(run, nodes={id_: run.nodes[id_] for id_ in told}),
        attempts=attempts,
        waits=waits,
        nodes=nodes,
        began=_began(run) if finished else None,
    )


def _queued_until(effect: WriteAttempt) -> datetime:
    attempt = effect.attempt
    in_queue = waited(attempt, effect.usage)
    if in_queue is None:
        return attempt.finished_at or attempt.dispatched_at
    return attempt.dispatched_at + in_queue


def _of_queue(run: RunState, ended: EndedAttempt) -> EndedSpan:
    node, attempt = ended.node, ended.state
    attributes: dict[str, Attribute] = {
        names.ATTR_RUN: run.id,
        names.ATTR_NODE: node,
        names.ATTR_ATTEMPT: attempt.number,
        names.ATTR_POOL: run.plan.nodes[node].agent.manifest.pool,
    }
    return EndedSpan(
        name=names.SPAN_ATTEMPT_WAIT,
        id=span_id(queue_name(run.id, node, attempt.number)),
        parent=span_of_attempt(run, node, attempt.number),
        start=attempt.dispatched_at,
        end=ended.queued_until,
        attributes=attributes,
    )


def _of_attempt(run: RunState, node: str, attempt: AttemptState) -> EndedSpan:
    plan = run.plan.nodes[node]
    manifest = plan.agent.manifest
    before = span_of_attempt(run, node, attempt.number - 1) if attempt.number > 1 else None
    attributes: dict[str, Attribute] = {
        **_about(run, node, attempt.status.value),
        names.ATTR_PROJECT: run.plan.project,
        names.ATTR_ATTEMPT: attempt.number,
        names.ATTR_ACTION: plan.action,
        names.ATTR_POOL: manifest.pool,
        names.ATTR_GEN_AI_OPERATION: "invoke_agent",
        names.ATTR_GEN_AI_PROVIDER: "airlock",
        names.ATTR_GEN_AI_WORKFLOW: run.plan.workflow,
        names.ATTR_GEN_AI_AGENT_ID: plan.agent.id,
        names.ATTR_GEN_AI_AGENT: manifest.name,
        names.ATTR_GEN_AI_AGENT_VERSION: manifest.version,
    }
    if attempt.host is not None:
        attributes[names.ATTR_HOST] = attempt.host
    error = _ATTEMPT_ERRORS.get(attempt.status) if attempt.failure is None else attempt.failure.code
    return EndedSpan(
        name=names.SPAN_INVOKE_AGENT.format(agent=manifest.name),
        id=span_id(attempt_name(run.id, node, attempt.number)),
        parent=span_of_node(run, node),
        start=attempt.dispatched_at,
        end=attempt.finished_at or attempt.dispatched_at,
        attributes=attributes,
        links=() if before is None else (before,),
        error=error,
    )


def _of_wait(run: RunState, wait: CloseApproval) -> EndedSpan:
    asked = run.nodes[wait.node].started_at  # a gate asks as soon as its node opens
    return EndedSpan(
        name=names.SPAN_APPROVAL_WAIT,
        id=span_id(wait.approval),
        parent=span_of_node(run, wait.node),
        start=asked or wait.at,
        end=wait.at,
        attributes={**_about(run, wait.node, wait.status.value), names.ATTR_APPROVAL: wait.approval},
        error=_WAIT_ERRORS.get(wait.status),
    )


def _of_node(run: RunState, id_: str) -> EndedSpan:
    node = run.nodes[id_]
    assert node.finished_at is not None
    attributes: dict[str, Attribute] = {
        **_about(run, id_, node.status.value),
        names.ATTR_ACTION: run.plan.nodes[id_].action,
    }
    if node.reused_from is not None:
        attributes[names.ATTR_REUSED_FROM] = node.reused_from
    return EndedSpan(
        name=names.SPAN_NODE.format(node=id_),
        id=span_id(node_name(run.id, id_)),
        parent=span_of_run(run),
        start=node.started_at or node.finished_at,
        end=node.finished_at,
        attributes=attributes,
        error=None if node.failure is None else node.failure.code,
    )


def _of_run(run: RunState, began: datetime) -> EndedSpan:
    assert run.finished_at is not None
    attributes: dict[str, Attribute] = {
        names.ATTR_RUN: run.id,
        names.ATTR_STATUS: run.status.value,
        names.ATTR_PROJECT: run.plan.project,
        names.ATTR_WORKFLOW_VERSION: run.plan.workflow_version,
        names.ATTR_GEN_AI_OPERATION: "invoke_workflow",
        names.ATTR_GEN_AI_WORKFLOW: run.plan.workflow,
    }
    retried = None
    if run.retries is not None:
        attributes[names.ATTR_RETRY_OF] = run.retries.run
        retried = child_of(run.retries.traceparent, run.retries.run)
    error = failures.CANCELLED if run.status is RunStatus.CANCELLED else None
    if run.status is RunStatus.FAILED and run.failure is not None:
        error = run.failure.code
    return EndedSpan(
        name=names.SPAN_RUN.format(workflow=run.plan.workflow),
        id=span_id(run.id),
        parent=run.traceparent,
        start=began,
        end=run.finished_at,
        attributes=attributes,
        links=() if retried is None else (retried,),
        error=error,
    )


def _began(run: RunState) -> datetime:
    """When a finished run started: its first nodes were opened, or ended without that, in the same step."""
    assert run.finished_at is not None
    times = (node.started_at or node.finished_at for node in run.nodes.values())
    return min((time for time in times if time is not None), default=run.finished_at)


def _about(run: RunState, node: str, status: str) -> dict[str, Attribute]:
    return {names.ATTR_RUN: run.id, names.ATTR_NODE: node, names.ATTR_STATUS: status}
