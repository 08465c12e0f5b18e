"""Why a node that is not over waits: one pure decision over the facts that the wake-up certificate reads.

| status | reasons |
|---|---|
| PENDING | parents.open |
| QUEUED | host.none, image.missing, host.busy, host.pending |
| RUNNING | attempt.running, lease.lapsed, deadline.passed, attempt.recalled |
| BACKING_OFF | retry.later, retry.due |
| WAITING_APPROVAL | approval.open, approval.expired |
| any | bug: the certificate lists it, so nothing will wake it |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from airlock_contracts.explanations import Waiting, WaitReason
from airlock_contracts.failures import (
    APPROVAL_EXPIRED,
    OUTCOME_UNKNOWN,
    SANDBOX_LOST,
    TIMEOUT_EXCEEDED,
    Failure,
)
from airlock_contracts.statuses import HostStatus, NodeStatus, OnExpiry

from .retry import LOST_AFTER, MAX_LOSSES

_R = WaitReason
REASONS: Final[Mapping[NodeStatus, frozenset[WaitReason]]] = {
    NodeStatus.PENDING: frozenset({_R.PARENTS, _R.BUG}),
    NodeStatus.QUEUED: frozenset({_R.NO_HOST, _R.NO_IMAGE, _R.HOSTS_BUSY, _R.SENT, _R.BUG}),
    NodeStatus.RUNNING: frozenset({_R.RUNNING, _R.LEASE_LAPSED, _R.LATE, _R.RECALLED, _R.BUG}),
    NodeStatus.BACKING_OFF: frozenset({_R.BACKING_OFF, _R.RETRY_DUE, _R.BUG}),
    NodeStatus.WAITING_APPROVAL: frozenset({_R.APPROVAL, _R.APPROVAL_EXPIRED, _R.BUG}),
}
"""The reasons that a node in a status may have."""
_NAMED = 5
"""Names that one sentence lists."""
_HOSTS = "airlock hosts"


@dataclass(frozen=True, slots=True)
class OpenNode:
    """A node that is not over, with all that may wake it."""

    id: str
    status: NodeStatus
    unwoken: str | None = None
    """What the certificate misses; None where there is a reason to wake."""
    parents: tuple[str, ...] = ()
    """Those that are not over."""
    failures: int = 0
    losses: int = 0
    attempt: int | None = None
    """The newest one's number; the next eight are its own."""
    sends: int = 0
    dispatched_at: datetime | None = None
    redispatch_at: datetime | None = None
    host: str | None = None
    started_at: datetime | None = None
    lease_until: datetime | None = None
    deadline: datetime | None = None
    finished_at: datetime | None = None
    failure: Failure | None = None
    """Of the newest attempt."""
    retry_at: datetime | None = None
    approval: str | None = None
    requested_at: datetime | None = None
    expires_at: datetime | None = None
    on_expiry: OnExpiry | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What a node asks for."""

    agent: str
    """`name@version`."""
    action: str
    pool: str
    max_attempts: int
    repeatable: bool
    """A lost attempt may simply be tried again."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A host as its heartbeats describe it."""

    name: str
    pool: str
    status: HostStatus
    slots: int
    busy: int
    missing: frozenset[str]
    """Agent versions whose image it lacks."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a node."""

    run: str
    started_at: datetime
    """When the run was."""
    cancelling: bool
    hosts: Sequence[HostFacts]
    now: datetime


def explain_node(node: OpenNode, work: Work, around: Surroundings) -> Waiting:
    """Say why a node waits, for whom or what, since when, and what happens next."""
    if node.unwoken is not None:
        return Waiting(
            node=node.id,
            status=node.status,
            reason=_R.BUG,
            why=f"nothing will wake it: {node.unwoken}; this is a bug of Airlock",
            since=node.started_at or node.dispatched_at,
            then="nothing happens by itself: cancel the run, retry it, and report the bug",
            command=f"airlock runs cancel {around.run}",
        )
    match node.status:
        case NodeStatus.QUEUED:
            return _queued(node, work, around)
        case NodeStatus.RUNNING:
            return _running(node, work, around)
        case NodeStatus.BACKING_OFF:
            return _backing_off(node, work, around)
        case NodeStatus.WAITING_APPROVAL:
            return _asking(node, work, around)
        case NodeStatus.PENDING:
            return Waiting(
                node=node.id,
                status=node.status,
                reason=_R.PARENTS,
                why=f"waits for {listed(node.parents)}",
                waits_for=list(node.parents),
                since=around.started_at,
                then="starts once they have succeeded, and is skipped if one of them does not",
            )
        case _:
            raise ValueError(f"node {node.id} is {node.status}: it waits for nothing")


def _queued(node: OpenNode, work: Work, around: Surroundings) -> Waiting:
    times = "" if node.sends < 2 else f" {node.sends} times"
    sent = f"attempt {node.attempt} was sent{times} to pool {work.pool}, and no host has claimed it yet"
    reason, why, waits_for = _no_slot(work, around.hosts) or (_R.SENT, sent, [f"pool {work.pool}"])
    return Waiting(
        node=node.id,
        status=node.status,
        reason=reason,
        why=why,
        waits_for=waits_for,
        since=node.dispatched_at,
        then=_AFTER_QUEUE[reason],
        at=node.redispatch_at if reason is _R.SENT else None,
        command=_HOSTS,
    )


_AFTER_QUEUE: Final[Mapping[WaitReason, str]] = {
    _R.NO_HOST: "a host that starts in this pool takes it",
    _R.NO_IMAGE: "a host takes it once it has that very image: pulled by digest, or loaded if it was built",
    _R.HOSTS_BUSY: "the next slot that is free takes it",
    _R.SENT: "a host takes it, or it is sent again",
}


def _no_slot(work: Work, hosts: Sequence[HostFacts]) -> tuple[WaitReason, str, list[str]] | None:
    """Why no host takes an attempt; None where one could."""
    pool = [host for host in hosts if host.pool == work.pool]
    up = [host for host in pool if host.status is HostStatus.UP]
    names = [host.name for host in up]
    if not up:
        others = listed([f"{host.name} is {host.status}" for host in pool])
        return (
            _R.NO_HOST,
            f"no agent host of pool {work.pool} is up" + (f": {others}" if pool else ""),
            [f"pool {work.pool}"],
        )
    able = [host for host in up if work.agent not in host.missing]
    if not able:
        why = f"every host of pool {work.pool} lacks the image of {work.agent}: {listed(names)}"
        return _R.NO_IMAGE, why, names
    if all(host.busy >= host.slots for host in able):
        slots = sum(host.slots for host in able)
        return _R.HOSTS_BUSY, f"all {slots} slots of pool {work.pool} are taken: {listed(names)}", names
    return None


def _running(node: OpenNode, work: Work, around: Surroundings) -> Waiting:
    assert node.lease_until is not None  # the certificate says so
    assert node.deadline is not None  # the certificate says so
    lost_at = node.lease_until + LOST_AFTER
    host, at = node.host or "its host", None
    if around.now >= node.lease_until:
        reason, at = _R.LEASE_LAPSED, lost_at
        why = f"{host} was not heard of in time: its lease on attempt {node.attempt} has lapsed"
        then = f"the attempt is called lost: {_after_loss(node, work, around)}"
    elif around.cancelling:
        reason, at = _R.RECALLED, node.deadline
        why = f"{host} was told to end attempt {node.attempt}"
        then = "the node is CANCELLED once the attempt has ended; what succeeds meanwhile is kept"
    elif around.now >= node.deadline:
        reason = _R.LATE
        why = f"attempt {node.attempt} on {host} takes longer than it may"
        again = work.repeatable and node.failures + 1 < work.max_attempts
        then = "it is ended; " + (
            "another attempt follows" if again else f"the node fails with {TIMEOUT_EXCEEDED}"
        )
    else:
        reason, at = _R.RUNNING, node.deadline
        why = f"attempt {node.attempt} runs on {host}, which holds it by a lease that it renews"
        then = "the attempt ends by itself, or its time is over"
    return Waiting(
        node=node.id,
        status=node.status,
        reason=reason,
        why=why,
        waits_for=[host],
        since=node.started_at,
        then=then,
        at=at,
        command=_HOSTS if reason is _R.LEASE_LAPSED else f"airlock runs watch {around.run}",
    )


def _after_loss(node: OpenNode, work: Work, around: Surroundings) -> str:
    if around.cancelling:
        return "the node is CANCELLED"
    if not work.repeatable:
        return f"the node fails with {OUTCOME_UNKNOWN}, for a person to judge"
    if node.losses + 1 >= MAX_LOSSES:
        return f"the node fails with {SANDBOX_LOST}, after {MAX_LOSSES} losses"
    return f"another one follows (loss {node.losses + 1} of {MAX_LOSSES})"


def _backing_off(node: OpenNode, work: Work, around: Surroundings) -> Waiting:
    assert node.retry_at is not None  # the certificate says so
    failed = "" if node.failure is None else f" with {node.failure.code}: {_short(node.failure.message)}"
    return Waiting(
        node=node.id,
        status=node.status,
        reason=_R.RETRY_DUE if around.now >= node.retry_at else _R.BACKING_OFF,
        why=f"attempt {node.attempt} failed{failed}",
        since=node.finished_at,
        then=f"it is tried again (failure {node.failures} of at most {work.max_attempts})",
        at=node.retry_at,
        command=f"airlock runs show {around.run}",
    )


def _asking(node: OpenNode, work: Work, around: Surroundings) -> Waiting:
    assert node.approval is not None  # the certificate says so
    assert node.expires_at is not None  # the certificate says so
    if node.on_expiry is OnExpiry.SKIP:
        unanswered = "the node is skipped"
    else:
        unanswered = f"it counts as rejected: the node fails with {APPROVAL_EXPIRED}"
    is_over = around.now >= node.expires_at
    return Waiting(
        node=node.id,
        status=node.status,
        reason=_R.APPROVAL_EXPIRED if is_over else _R.APPROVAL,
        why=(
            f"nobody decided about {work.action} of {work.agent} in time"
            if is_over
            else f"a person must decide about {work.action} of {work.agent}"
        ),
        waits_for=[node.approval],
        since=node.requested_at,
        then=unanswered if is_over else f"if nobody decides in time, {unanswered}",
        at=node.expires_at,
        command=None if is_over else f"airlock approvals show {node.approval}",
    )


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, a few of them."""
    shown, more = names[:_NAMED], len(names) - _NAMED
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:199]}…"
