"""What a commit says about runs, attempts and approvals, counted once Postgres has it.

Exactly one replica commits a step, and each row of it is written once: so a report that comes twice, a batch
that goes again, and any number of replicas count it once. What a process has counted goes when it dies.
Labels are names of registrations and statuses, never ids.
"""

from collections.abc import Sequence
from datetime import datetime

from airlock_chassis.telemetry import metrics
from airlock_contracts.statuses import ApprovalStatus, AttemptStatus, RunStatus

from ..engine.effects import CloseApproval, RequestApproval, RunFinished, WriteAttempt
from ..engine.plan import Plan, PlanNode
from ..engine.state import AttemptState, RunState
from ..operations.entries import Committed
from .costs import count_cost, expect_cost_of_attempts, expect_cost_of_runs, ran_for
from .durations import lasted, waited, worked

# Shown as 0 from the beginning on: of a series that begins with 1, Prometheus sees no increase.
_RUN_ENDS = tuple(status.value for status in RunStatus if status.is_final)
_ATTEMPT_ENDS = tuple(status.value for status in AttemptStatus if status.is_final)
_APPROVAL_ENDS = tuple(status.value for status in ApprovalStatus if status is not ApprovalStatus.PENDING)


def count(committed: Sequence[Committed]) -> None:
    """Count what these commits say. Never raises: whoever calls it has just committed."""
    for one in committed:
        run = one.step.run
        if one.creation is not None:
            _beginning(run)
        for effect in one.step.effects:
            match effect:
                case WriteAttempt():
                    _attempt(run, effect)
                case RequestApproval():
                    _asked(run.plan)
                case CloseApproval():
                    _closed(run, effect)
                case RunFinished():
                    _end(run, effect)
                case _:
                    pass  # nobody asks how often


def _beginning(run: RunState) -> None:
    runs, workflow = metrics.workflow_runs_total, run.plan.workflow
    runs.labels(workflow, "STARTED", run.trigger).inc()
    for status in _RUN_ENDS:
        runs.labels(workflow, status, run.trigger)
    expect_cost_of_runs(run.plan)


def _attempt(run: RunState, effect: WriteAttempt) -> None:
    attempt = effect.attempt
    if attempt.status is AttemptStatus.DISPATCHED and attempt.sends > 1:
        return  # the same attempt, published again
    metrics.attempts_total.labels(attempt.status.value).inc()
    match attempt.status:
        case AttemptStatus.DISPATCHED:
            _dispatched(run.plan.nodes[effect.node], attempt)
        case AttemptStatus.RUNNING:
            _claimed(run, effect.node, attempt)
        case _:
            _ended(run.plan, effect)


def _dispatched(plan: PlanNode, attempt: AttemptState) -> None:
    manifest = plan.agent.manifest
    if attempt.number > 1:
        metrics.agent_retries_total.labels(manifest.name).inc()
    for status in _ATTEMPT_ENDS:
        metrics.agent_runs_total.labels(manifest.name, plan.action, status)
    metrics.agent_duration_seconds.labels(manifest.name, plan.action)
    metrics.attempt_wait_seconds.labels(manifest.pool)
    expect_cost_of_attempts(manifest.name)


def _claimed(run: RunState, node: str, attempt: AttemptState) -> None:
    # The first attempt of a gated node is dispatched by the decision itself.
    if run.plan.nodes[node].gated and attempt.number == 1 and attempt.started_at is not None:
        resumed = _seconds(attempt.dispatched_at, attempt.started_at)
        metrics.workflow_resumption_seconds.labels(run.plan.workflow).observe(resumed)


def _ended(plan: Plan, effect: WriteAttempt) -> None:
    node, attempt = plan.nodes[effect.node], effect.attempt
    agent, pool = node.agent.manifest.name, node.agent.manifest.pool
    metrics.agent_runs_total.labels(agent, node.action, attempt.status.value).inc()
    if attempt.status is AttemptStatus.LOST:
        metrics.leases_lost_total.inc()
    if attempt.status is AttemptStatus.FAILED and (failure := attempt.failure) is not None:
        metrics.agent_errors_total.labels(agent, failure.kind.value, failure.code).inc()
    usage = effect.usage
    # How long an agent takes, one that was cut short does not say.
    if attempt.status is not AttemptStatus.CANCELLED and (ran := ran_for(usage)) is not None:
        metrics.agent_duration_seconds.labels(agent, node.action).observe(ran)
    if (before := waited(attempt, usage)) is not None:
        metrics.attempt_wait_seconds.labels(pool).observe(before.total_seconds())
    count_cost(plan, agent, usage)


def _asked(plan: Plan) -> None:
    for status in _APPROVAL_ENDS:
        metrics.workflow_approval_wait_seconds.labels(plan.workflow, status)
    metrics.workflow_resumption_seconds.labels(plan.workflow)


def _closed(run: RunState, effect: CloseApproval) -> None:
    asked_at = run.nodes[effect.node].started_at  # a gated node starts by asking
    if asked_at is not None:
        waits = metrics.workflow_approval_wait_seconds.labels(run.plan.workflow, effect.status.value)
        waits.observe(_seconds(asked_at, effect.at))


def _end(run: RunState, effect: RunFinished) -> None:
    workflow, status = run.plan.workflow, effect.status.value
    metrics.workflow_runs_total.labels(workflow, status, run.trigger).inc()
    metrics.workflow_duration_seconds.labels(workflow, status).observe(lasted(run).total_seconds())
    metrics.workflow_working_seconds.labels(workflow, status).observe(worked(run).total_seconds())


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())
