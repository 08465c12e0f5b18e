"""The heart: one pure decision about a run. No I/O, no clock, no chance.

`step(run, signal, now, values)` answers the run after the signal, the facts for the journal and what
the shell must do. `needs` names beforehand the values that templates will read.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from airlock_contracts import failures
from airlock_contracts.events import EventType
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.statuses import (
    ApprovalStatus,
    AttemptStatus,
    NodeStatus,
    OnExpiry,
    RunStatus,
    Verdict,
)

from .effects import DispatchAttempt, Step, WriteAttempt
from .plan import Plan, PlanNode
from .retry import DEADLINE_GRACE, LEASE, MAX_LOSSES, may_retry, redispatch_delay, retry_delay
from .rules import NODE_RULES, RUN_RULES
from .signals import (
    ApprovalDecided,
    ApprovalExpired,
    AttemptClaimed,
    AttemptFailed,
    AttemptSucceeded,
    CancelRequested,
    DeadlineReached,
    Evidence,
    LeaseExpired,
    NodeSignal,
    RedispatchDue,
    RetryDue,
    RunStarted,
    Signal,
)
from .state import AttemptState, NodeState, Retried, RunState, Values, count_statuses
from .turn import Turn


def new_run(
    run: str,
    plan: Plan,
    traceparent: str | None = None,
    trigger: str = "",
    retries: Retried | None = None,
) -> RunState:
    """The state of a run that has no row yet: everything PENDING."""
    nodes = {
        node.id: NodeState(status=NodeStatus.PENDING, open_parents=len(node.parents))
        for node in plan.nodes.values()
    }
    return RunState(
        id=run,
        plan=plan,
        status=RunStatus.PENDING,
        nodes=nodes,
        counts=count_statuses(nodes),
        traceparent=traceparent,
        trigger=trigger,
        retries=retries,
    )


def needs(run: RunState, signals: Iterable[Signal]) -> frozenset[str]:
    """Name what templates will read if these signals are applied: `context`, `nodes.<id>`.

    Outputs that the signals themselves bring are not named. A report that comes again brings nothing: its
    node has succeeded before, and what its output was is kept.
    """
    done: set[str] = set()
    opening: list[str] = []
    for signal in signals:
        if isinstance(signal, AttemptSucceeded):
            if signal.node in run.nodes and run.nodes[signal.node].status is not NodeStatus.SUCCESS:
                done.add(signal.node)
        elif isinstance(signal, RunStarted):
            done.update(reuse.node for reuse in signal.reuse)
            opening.extend(run.plan.roots)
    for id_ in done:
        opening.extend(run.plan.nodes[id_].children)
    wanted: set[str] = set()
    for id_ in opening:
        missing = [
            parent
            for parent in run.plan.nodes[id_].parents
            if parent not in done and run.nodes[parent].status is not NodeStatus.SUCCESS
        ]
        if run.nodes[id_].status is NodeStatus.PENDING and not missing and id_ not in done:
            wanted |= run.plan.nodes[id_].reads
    return frozenset(wanted - {f"nodes.{id_}" for id_ in done})


def fold(
    run: RunState, signals: Sequence[Signal], now: datetime, values: Values
) -> tuple[Step, tuple[bool, ...]]:
    """Apply several signals to one run, in order.

    Answers one step for all of them, and for each signal whether it was stale.
    """
    whole = Step(run)
    stale: list[bool] = []
    for signal in signals:
        one = step(whole.run, signal, now, values)
        stale.append(one.stale)
        if isinstance(signal, AttemptSucceeded) and not one.stale:
            values = replace(values, outputs={**values.outputs, signal.node: signal.value})
        whole = Step(
            one.run, whole.events + one.events, whole.effects + one.effects, whole.changed | one.changed
        )
    return replace(whole, stale=all(stale)), tuple(stale)


def step(run: RunState, signal: Signal, now: datetime, values: Values = Values()) -> Step:  # noqa: B008
    """Decide what a signal makes of a run.

    A signal about something that is over answers the same run with `stale=True`; it never raises.
    """
    if type(signal) not in RUN_RULES[run.status]:
        return Step(run, stale=True)
    if isinstance(signal, RunStarted):
        return _start(Turn(run, now, values), run, signal)
    if isinstance(signal, CancelRequested):
        return _cancel(Turn(run, now, values), run, signal)
    node = run.nodes.get(signal.node)
    if node is None or type(signal) not in NODE_RULES[node.status]:
        return Step(run, stale=True)
    if not _speaks_of(signal, node, run.plan.nodes[signal.node], now):
        return Step(run, stale=True)
    turn = Turn(run, now, values)
    _apply(turn, signal, node)
    after = turn.node(signal.node).status
    assert after in NODE_RULES[node.status][type(signal)], (node.status, signal, after)
    return turn.step()


def _speaks_of(signal: NodeSignal, node: NodeState, plan: PlanNode, now: datetime) -> bool:
    """Whether the signal is about the node's present attempt or approval, and from its holder."""
    attempt, approval = node.attempt, node.approval
    match signal:
        case ApprovalDecided():
            return (
                approval is not None
                and approval.id == signal.approval
                and approval.payload_sha256 == signal.payload_sha256
            )
        case ApprovalExpired():
            return approval is not None and approval.id == signal.approval
        case AttemptSucceeded() | AttemptFailed():
            # Without a claim, only work that can do no harm may report; then the report is the claim.
            return (
                attempt is not None
                and attempt.number == signal.number
                and (attempt.token == signal.token or (attempt.token is None and not plan.claims_first))
            )
        case AttemptClaimed():
            return (
                attempt is not None
                and attempt.number == signal.number
                and attempt.token in (None, signal.token)
            )
        case RedispatchDue():
            return attempt is not None and attempt.number == signal.number and _long_sent(attempt, now)
        case LeaseExpired() | RetryDue() | DeadlineReached():
            return attempt is not None and attempt.number == signal.number
        case _:
            assert_never(signal)


def _long_sent(attempt: AttemptState, now: datetime) -> bool:
    """Whether the last send is older than half its delay: two replicas may have read the same due row.

    Not compared with `redispatch_at` itself: whoever read the row asked Postgres' own clock, `now` is our
    estimate of it.
    """
    assert attempt.redispatch_at is not None  # only of a QUEUED node, whose attempt nobody has claimed
    return attempt.redispatch_at - now < redispatch_delay(attempt.sends) / 2


def _apply(turn: Turn, signal: NodeSignal, node: NodeState) -> None:
    match signal:
        case RedispatchDue():
            _redispatch(turn, signal, node)
        case AttemptClaimed():
            _claim(turn, signal, node)
        case AttemptSucceeded():
            _succeeded(turn, signal, node)
        case AttemptFailed():
            _failed(
                turn, signal, _held(turn, node, signal.token, signal.host), signal.failure, signal.evidence
            )
        case DeadlineReached():
            _deadline(turn, signal, node)
        case LeaseExpired():
            _lost(turn, signal, node)
        case RetryDue():
            turn.dispatch(signal.node)
        case ApprovalDecided():
            _decided(turn, signal)
        case ApprovalExpired():
            _expired(turn, signal)
        case _:
            assert_never(signal)


def _start(turn: Turn, run: RunState, signal: RunStarted) -> Step:
    turn.status = RunStatus.RUNNING
    turn.fact(
        EventType.RUN_STARTED,
        principal=signal.principal,
        workflow=run.plan.workflow,
        workflow_version=run.plan.workflow_version,
        context_sha256=signal.context_sha256,
        retry_of=signal.retry_of,
    )
    for reuse in signal.reuse:
        turn.succeed(reuse.node, reuse.output, json.loads(reuse.output), reuse.artifacts, reuse.run)
    for id_ in run.plan.nodes:
        node = turn.node(id_)
        if node.status is NodeStatus.PENDING and node.open_parents == 0:
            turn.open(id_)
    return turn.step()


def _cancel(turn: Turn, run: RunState, signal: CancelRequested) -> Step:
    turn.status = RunStatus.CANCELLING
    turn.fact(EventType.RUN_CANCELLING, principal=signal.principal, reason=signal.reason or None)
    for id_, node in run.nodes.items():
        if node.status.is_final:
            continue
        if node.status in (NodeStatus.QUEUED, NodeStatus.RUNNING):
            turn.recall(id_)
        if node.status is NodeStatus.RUNNING:
            continue  # its host reports the end, or its lease ends
        if node.status is NodeStatus.QUEUED and node.attempt is not None:
            turn.end_attempt(id_, replace(node.attempt, status=AttemptStatus.CANCELLED))
        if node.status is NodeStatus.WAITING_APPROVAL:
            turn.close_approval(id_, ApprovalStatus.WITHDRAWN, signal.principal)
        turn.end(id_, NodeStatus.CANCELLED, _cancelled(), signal.principal)
    return turn.step()


def _held(turn: Turn, node: NodeState, token: str, host: str) -> AttemptState:
    """The attempt as this token's; a report of an unclaimed attempt is its claim."""
    assert node.attempt is not None
    return replace(node.attempt, token=token, host=host, started_at=node.attempt.started_at or turn.now)


def _redispatch(turn: Turn, signal: RedispatchDue, node: NodeState) -> None:
    assert node.attempt is not None
    sends = node.attempt.sends + 1
    attempt = replace(node.attempt, sends=sends, redispatch_at=turn.now + redispatch_delay(sends))
    turn.put(signal.node, replace(node, attempt=attempt))
    turn.effect(WriteAttempt(signal.node, attempt))
    turn.effect(DispatchAttempt(signal.node, attempt.number, sends))


def _claim(turn: Turn, signal: AttemptClaimed, node: NodeState) -> None:
    if node.status is NodeStatus.RUNNING:
        return  # the same token asks again
    held = _held(turn, node, signal.token, signal.host)
    attempt = replace(
        held,
        status=AttemptStatus.RUNNING,
        redispatch_at=None,
        lease_until=turn.now + LEASE,
        deadline=turn.now + turn.plan(signal.node).timeout + DEADLINE_GRACE,
    )
    turn.put(signal.node, replace(node, status=NodeStatus.RUNNING, attempt=attempt))
    turn.effect(WriteAttempt(signal.node, attempt))
    turn.fact(EventType.NODE_RUNNING, signal.node, attempt=attempt.number, host=signal.host)


def _succeeded(turn: Turn, signal: AttemptSucceeded, node: NodeState) -> None:
    attempt = _held(turn, node, signal.token, signal.host)
    turn.end_attempt(signal.node, replace(attempt, status=AttemptStatus.SUCCESS), signal.evidence)
    turn.succeed(signal.node, signal.output, signal.value, signal.artifacts)
    turn.open_children(signal.node)


def _failed(
    turn: Turn,
    signal: AttemptFailed | DeadlineReached,
    attempt: AttemptState,
    failure: Failure,
    evidence: Evidence | None,
) -> None:
    cancelling = turn.status is RunStatus.CANCELLING
    status = AttemptStatus.CANCELLED if cancelling else AttemptStatus.FAILED
    turn.end_attempt(signal.node, replace(attempt, status=status, failure=failure), evidence)
    if cancelling:
        turn.finish(signal.node, NodeStatus.CANCELLED, _cancelled())
        return
    node = turn.node(signal.node)
    node = replace(node, failures=node.failures + 1)
    policy = turn.plan(signal.node).retry
    if not may_retry(policy, node.failures, failure):
        turn.put(signal.node, node)
        turn.finish(signal.node, NodeStatus.FAILED, failure)
        return
    id_ = f"{signal.run}/{signal.node}/{attempt.number}"
    retry_at = turn.now + retry_delay(policy, node.failures, id_)
    turn.put(signal.node, replace(node, status=NodeStatus.BACKING_OFF, retry_at=retry_at))
    turn.fact(
        EventType.NODE_RETRYING,
        signal.node,
        attempt=attempt.number,
        retry_at=retry_at.isoformat(),
        failure=failure.model_dump(mode="json"),
    )


def _deadline(turn: Turn, signal: DeadlineReached, node: NodeState) -> None:
    assert node.attempt is not None
    plan = turn.plan(signal.node)
    failure = Failure(
        kind=FailureKind.TIMEOUT,
        code=failures.TIMEOUT_EXCEEDED,
        message=f"no answer within {plan.timeout.total_seconds():g} s, and none from its host either",
        retryable=plan.repeatable,
    )
    turn.recall(signal.node)
    _failed(turn, signal, node.attempt, failure, None)


def _lost(turn: Turn, signal: LeaseExpired, node: NodeState) -> None:
    assert node.attempt is not None
    plan, losses = turn.plan(signal.node), node.losses + 1
    turn.end_attempt(signal.node, replace(node.attempt, status=AttemptStatus.LOST))
    turn.fact(EventType.ATTEMPT_LOST, signal.node, attempt=node.attempt.number, host=node.attempt.host)
    turn.put(signal.node, replace(turn.node(signal.node), losses=losses))
    if turn.status is RunStatus.CANCELLING:
        turn.finish(signal.node, NodeStatus.CANCELLED, _cancelled())
    elif not plan.repeatable:
        failure = Failure(
            kind=FailureKind.SANDBOX,
            code=failures.OUTCOME_UNKNOWN,
            message=f"host {node.attempt.host} fell silent; whether {plan.agent.reference} had its "
            "effect is not known. Look, then retry the run.",
        )
        turn.finish(signal.node, NodeStatus.FAILED, failure)
    elif losses >= MAX_LOSSES:
        failure = Failure(
            kind=FailureKind.SANDBOX,
            code=failures.SANDBOX_LOST,
            message=f"{losses} attempts were lost with their hosts",
        )
        turn.finish(signal.node, NodeStatus.FAILED, failure)
    else:
        turn.dispatch(signal.node)


def _decided(turn: Turn, signal: ApprovalDecided) -> None:
    if signal.verdict is Verdict.APPROVED:
        turn.close_approval(signal.node, ApprovalStatus.APPROVED, signal.principal, signal.notes)
        turn.dispatch(signal.node)
        return
    turn.close_approval(signal.node, ApprovalStatus.REJECTED, signal.principal, signal.notes)
    failure = Failure(
        kind=FailureKind.POLICY,
        code=failures.APPROVAL_REJECTED,
        message=f"{signal.principal} rejected it" + (f": {signal.notes}" if signal.notes else ""),
    )
    turn.finish(signal.node, NodeStatus.FAILED, failure, signal.principal)


def _expired(turn: Turn, signal: ApprovalExpired) -> None:
    turn.close_approval(signal.node, ApprovalStatus.EXPIRED)
    if turn.plan(signal.node).approval.on_expiry is OnExpiry.SKIP:
        turn.finish(signal.node, NodeStatus.SKIPPED)
        return
    failure = Failure(
        kind=FailureKind.POLICY,
        code=failures.APPROVAL_EXPIRED,
        message="nobody decided before it expired",
    )
    turn.finish(signal.node, NodeStatus.FAILED, failure)


def _cancelled() -> Failure:
    return Failure(kind=FailureKind.CANCELLED, code=failures.CANCELLED, message="the run was cancelled")
