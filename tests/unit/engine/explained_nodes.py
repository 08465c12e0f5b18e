"""Nodes that wait, one of each status, around a fixed time: what tests of explanations start from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.statuses import HostStatus, NodeStatus, OnExpiry
from airlock_orchestration.engine.waiting import HostFacts, OpenNode, Work

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RUN = "01a1fb7d-ec30-7f2b-916f-8bbcf3ce8ec4"
BUSY = Failure(kind=FailureKind.AGENT, code="agent.busy", message="the scanner is busy", retryable=True)
WORK = Work(agent="echo@1.0.0", action="say", pool="default", max_attempts=3, repeatable=True)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def host(name: str = "host-1", **facts: Any) -> HostFacts:
    return replace(
        HostFacts(name, "default", HostStatus.UP, slots=2, busy=0, missing=frozenset()),
        **facts,
    )


PENDING = OpenNode("n", NodeStatus.PENDING, parents=("a", "b"))
QUEUED = OpenNode("n", NodeStatus.QUEUED, attempt=1, sends=1, dispatched_at=after(-7), redispatch_at=after(3))
RUNNING = OpenNode(
    "n",
    NodeStatus.RUNNING,
    attempt=2,
    host="host-1",
    started_at=after(-60),
    lease_until=after(25),
    deadline=after(240),
)
RESTING = OpenNode(
    "n",
    NodeStatus.BACKING_OFF,
    attempt=1,
    failures=1,
    failure=BUSY,
    finished_at=after(-2),
    retry_at=after(8),
)
ASKING = OpenNode(
    "n",
    NodeStatus.WAITING_APPROVAL,
    approval="the-approval",
    requested_at=after(-600),
    expires_at=after(3600),
    on_expiry=OnExpiry.REJECT,
)
HOST = [host()]
