"""Facts about a run: the journal's rows, what the event stream shows, and their names.

| event | node | data |
|---|---|---|
| run.started | | workflow, workflow_version, context_sha256, retry_of |
| run.waiting, run.resumed | | |
| run.cancelling | | |
| run.finished | | status, failure |
| node.queued | yes | attempt, due |
| node.running | yes | attempt, host |
| node.retrying | yes | attempt, retry_at, failure |
| node.finished | yes | status, failure, output_sha256, reused_from |
| attempt.lost | yes | attempt, host |
| approval.requested | yes | approval, payload_sha256, expires_at |
| approval.decided | yes | approval, status, notes, payload_sha256 |
"""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from .base import Message, Time

SYSTEM = "airlock"
"""The principal of what nobody asked for: reports, due times, leases. No key and no person is called so."""


class EventType(StrEnum):
    """The names of events."""

    RUN_STARTED = "run.started"
    RUN_WAITING = "run.waiting"
    RUN_RESUMED = "run.resumed"
    RUN_CANCELLING = "run.cancelling"
    RUN_FINISHED = "run.finished"
    NODE_QUEUED = "node.queued"
    NODE_RUNNING = "node.running"
    NODE_RETRYING = "node.retrying"
    NODE_FINISHED = "node.finished"
    ATTEMPT_LOST = "attempt.lost"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_DECIDED = "approval.decided"


class Event(Message):
    """One row of the journal."""

    v: Literal[1] = 1
    run: str
    seq: int = Field(ge=1)
    """Numbered within the run from 1, without a gap."""
    at: Time
    type: EventType
    principal: str
    """Who caused it; `airlock` where nobody did."""
    node: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)
