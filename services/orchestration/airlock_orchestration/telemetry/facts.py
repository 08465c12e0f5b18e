"""Log lines of what became of runs, once it is committed: an event name and ids, never payloads."""

import logging
from collections.abc import Sequence
from typing import Any

import structlog
from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.traces import trace_id
from airlock_contracts.events import EventType
from airlock_contracts.statuses import AttemptStatus, NodeStatus

from ..engine.effects import Fact, WriteAttempt
from ..engine.state import RunState
from ..operations.entries import Committed

_TOLD = frozenset(
    {
        EventType.RUN_STARTED,
        EventType.RUN_CANCELLING,
        EventType.RUN_FINISHED,
        EventType.NODE_FINISHED,
        EventType.ATTEMPT_LOST,
        EventType.APPROVAL_REQUESTED,
        EventType.APPROVAL_DECIDED,
    }
)
"""The others are steps on the way: the journal has them."""
_BEFORE_ATTEMPTS = frozenset({EventType.APPROVAL_REQUESTED, EventType.APPROVAL_DECIDED})
"""What such a step says of a node is no attempt's: the one that a decision lets through comes of it."""
_SHOWN = ("status", "attempt", "approval", "retry_of", "reused_from")

log = structlog.get_logger(__name__)


def tell(committed: Sequence[Committed]) -> None:
    """Log what a commit says about runs, nodes, attempts and approvals, each with its ids and its trace."""
    for one in committed:
        run = one.step.run
        about = _about(run)
        for effect in one.step.effects:
            if isinstance(effect, WriteAttempt) and effect.attempt.status.is_final:
                attempt = effect.attempt
                # What went well is in the journal; a line of each would be most of everybody's log at load.
                level = logging.DEBUG if attempt.status is AttemptStatus.SUCCESS else logging.INFO
                log.log(
                    level,
                    "attempt.finished",
                    **about,
                    **_of_node(run, effect.node),
                    attempt=attempt.number,
                    status=attempt.status.value,
                    host=attempt.host,
                )
        for fact in one.step.events:
            if fact.type in _TOLD and not _is_told_by_its_attempt(fact):
                log.info(fact.type.value, **about, **_of(run, fact))


def _is_told_by_its_attempt(fact: Fact) -> bool:
    return fact.type is EventType.NODE_FINISHED and fact.data["status"] == NodeStatus.SUCCESS.value


def _about(run: RunState) -> dict[str, Any]:
    """The ids of every line about a run; its trace is the one of the request that started it."""
    ids: dict[str, Any] = {names.LOG_RUN: run.id, "workflow": run.plan.workflow}
    if (trace := trace_id(run.traceparent)) is not None:
        ids[names.LOG_TRACE] = trace
    return ids


def _of_node(run: RunState, node: str) -> dict[str, Any]:
    plan = run.plan.nodes[node]
    return {names.LOG_NODE: node, names.LOG_AGENT: plan.agent.reference, "action": plan.action}


def _of(run: RunState, fact: Fact) -> dict[str, Any]:
    shown: dict[str, Any] = {"by": fact.principal, "seq": fact.seq}
    if fact.node is not None:
        shown.update(_of_node(run, fact.node))
        attempt = run.nodes[fact.node].attempt
        if attempt is not None and fact.type not in _BEFORE_ATTEMPTS:
            shown[names.LOG_ATTEMPT] = attempt.number
            if attempt.host is not None:
                shown[names.LOG_HOST] = attempt.host
    shown.update((key, fact.data[key]) for key in _SHOWN if key in fact.data)
    if isinstance(failure := fact.data.get("failure"), dict):
        shown["code"] = failure.get("code")
    return shown
