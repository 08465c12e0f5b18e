"""Why a run stands where it stands: pure, over the facts that the store gathered in one snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from airlock_contracts.explanations import Explanation, FailedNode, RetryPlan, Waiting, WaitReason
from airlock_contracts.failures import Failure
from airlock_contracts.statuses import NodeStatus, RunStatus
from airlock_contracts.views import CancelView

from .advice import is_to_mend, todo_for
from .waiting import HostFacts, OpenNode, Surroundings, Work, explain_node, listed


@dataclass(frozen=True, slots=True)
class EndedNode:
    """A node that is over."""

    id: str
    status: NodeStatus
    failure: Failure | None = None
    finished_at: datetime | None = None
    attempt: int | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run as one snapshot shows it."""

    id: str
    workflow: str
    status: RunStatus
    created_at: datetime
    finished_at: datetime | None
    failure: Failure | None
    cancel: CancelView | None
    open: Sequence[OpenNode]
    ended: Sequence[EndedNode]
    """Both in topological order."""
    work: Mapping[str, Work]
    """Of the open nodes, by their ids."""
    hosts: Sequence[HostFacts]
    unwoken: tuple[str, ...]
    """What the certificate says of this run: nothing, or a bug."""
    copies_too_much: bool
    """A retry would copy more bytes than it may."""
    now: datetime


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of the run as a whole."""

    why: str
    then: str
    since: datetime | None = None
    """None: since it ended or else was made."""
    at: datetime | None = None
    command: str | None = None


def explain(facts: RunFacts) -> Explanation:
    """Say why a run stands where it stands."""
    around = Surroundings(
        run=facts.id,
        started_at=facts.created_at,
        cancelling=facts.status is RunStatus.CANCELLING,
        hosts=facts.hosts,
        now=facts.now,
    )
    waiting = [explain_node(node, facts.work[node.id], around) for node in facts.open]
    failed = [_failed(facts.id, node, node.failure) for node in facts.ended if _is_to_blame(node)]
    if facts.unwoken:
        said = _Said(
            why=f"something of it would sleep for ever: {listed(facts.unwoken)}; this is a bug of Airlock",
            then="cancel the run, retry it, and report the bug",
            command=f"airlock runs cancel {facts.id}",
        )
    elif facts.status.is_final:
        said = _ended(facts, failed)
    else:
        said = _going(facts, waiting)
    return Explanation(
        run=facts.id,
        workflow=facts.workflow,
        status=facts.status,
        now=facts.now,
        why=said.why,
        since=said.since or facts.finished_at or facts.created_at,
        then=said.then,
        at=said.at,
        command=said.command,
        bug=bool(facts.unwoken),
        cancel=facts.cancel,
        waiting=waiting,
        failed=failed,
        retry=_retry(facts),
    )


def _going(facts: RunFacts, waiting: Sequence[Waiting]) -> _Said:
    """Of a run that is not over: what its most telling node waits for."""
    first = min(waiting, key=lambda one: (TELLING[one.reason], one.at or facts.now))
    if facts.status is RunStatus.CANCELLING:
        return _Said(
            why=f"{_cancelled_by(facts.cancel)}; what runs must end first: {first.why}",
            then="the run ends CANCELLED once its attempts have ended",
            since=facts.cancel.at if facts.cancel else None,
            at=first.at,
            command=first.command,
        )
    return _Said(f"{first.node}: {first.why}", first.then, first.since, first.at, first.command)


TELLING: Final[Mapping[WaitReason, int]] = {
    WaitReason.BUG: 0,
    WaitReason.NO_HOST: 0,
    WaitReason.NO_IMAGE: 0,
    WaitReason.LEASE_LAPSED: 0,
    WaitReason.APPROVAL: 1,
    WaitReason.APPROVAL_EXPIRED: 1,
    WaitReason.HOSTS_BUSY: 1,
    WaitReason.BACKING_OFF: 2,
    WaitReason.RETRY_DUE: 2,
    WaitReason.LATE: 2,
    WaitReason.RUNNING: 3,
    WaitReason.RECALLED: 3,
    WaitReason.SENT: 3,
    WaitReason.PARENTS: 4,
}
"""What keeps a run from its end, before what merely takes its time, before what only waits for others."""


def _ended(facts: RunFacts, failed: Sequence[FailedNode]) -> _Said:
    if facts.status is RunStatus.SUCCESS:
        return _Said("every node has ended, and none failed", "nothing: it is over")
    again, then = f"airlock runs retry {facts.id}", _RETRIED
    anew = f"airlock run {facts.workflow} --context-of {facts.id}"
    if facts.copies_too_much:
        again, then = anew, "nothing: it is over; it is too large to be retried"
    elif facts.status is RunStatus.FAILED and any(_is_to_mend(node) for node in facts.ended):
        again, then = anew, _MENDED
    if facts.status is RunStatus.CANCELLED:
        why = _cancelled_by(facts.cancel)
    elif failed:
        others = f", and {len(failed) - 1} more failed" if len(failed) > 1 else ""
        why = f"{failed[0].node} failed with {failed[0].code}: {failed[0].message}{others}"
    else:
        why = f"it failed: {facts.failure.code}: {facts.failure.message}" if facts.failure else "it failed"
    return _Said(why, then, command=again)


_RETRIED = "nothing: it is over; a retry is a new run of the same versions that copies what succeeded"
_MENDED = "nothing: it is over; once that is mended, start a new run: a retry keeps the old versions"


def _cancelled_by(cancel: CancelView | None) -> str:
    if cancel is None:
        return "it was cancelled"
    return f"{cancel.by} cancelled it" + (f": {cancel.reason}" if cancel.reason else ", without a reason")


def _is_to_blame(node: EndedNode) -> bool:
    return node.status is NodeStatus.FAILED


def _is_to_mend(node: EndedNode) -> bool:
    return _is_to_blame(node) and node.failure is not None and is_to_mend(node.failure)


def _failed(run: str, node: EndedNode, failure: Failure | None) -> FailedNode:
    assert failure is not None  # what failed says why
    return FailedNode(
        node=node.id,
        kind=failure.kind,
        code=failure.code,
        message=failure.message,
        attempt=None if node.attempt is None else f"{run}/{node.id}/{node.attempt}",
        host=node.host,
        at=node.finished_at,
        todo=todo_for(failure),
    )


def _retry(facts: RunFacts) -> RetryPlan | None:
    if facts.status not in (RunStatus.FAILED, RunStatus.CANCELLED):
        return None
    copies = [node.id for node in facts.ended if node.status is NodeStatus.SUCCESS]
    redoes = [node.id for node in facts.ended if node.status is not NodeStatus.SUCCESS]
    if facts.copies_too_much:
        return RetryPlan(possible=False, why_not="its outputs are more than a retry copies", redoes=redoes)
    return RetryPlan(possible=True, copies=copies, redoes=redoes)
