"""What one step leads to: facts for the journal, and what the shell must then do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.events import EventType
from airlock_contracts.messages import Usage
from airlock_contracts.statuses import ApprovalStatus, OnExpiry, RunStatus

from .signals import Evidence
from .state import AttemptState, RunState


@dataclass(frozen=True, slots=True)
class Fact:
    """A journal row to be: numbered within the run."""

    seq: int
    type: EventType
    at: datetime
    principal: str
    node: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DispatchAttempt:
    """Publish the attempt's invocation, after the commit."""

    node: str
    number: int
    sends: int
    """Which send this is: a new message id each time."""


@dataclass(frozen=True, slots=True)
class RecallAttempt:
    """Tell hosts to end the attempt, after the commit."""

    node: str
    number: int


@dataclass(frozen=True, slots=True)
class RequestApproval:
    """Write the question down."""

    node: str
    approval: str
    payload_sha256: str
    preview: str | None
    expires_at: datetime
    on_expiry: OnExpiry


@dataclass(frozen=True, slots=True)
class CloseApproval:
    """Write the answer down. WITHDRAWN and EXPIRED are answers that nobody gave."""

    node: str
    approval: str
    status: ApprovalStatus
    principal: str
    notes: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WriteAttempt:
    """Write the attempt's row as it is now, with what its host saw where there is news."""

    node: str
    attempt: AttemptState
    evidence: Evidence | None = None

    @property
    def usage(self) -> Usage:
        """What the attempt took, as far as its host said."""
        return Usage() if self.evidence is None else self.evidence.usage


@dataclass(frozen=True, slots=True)
class KeepInput:
    """Keep the resolved input: the bytes that are shown, hashed and dispatched."""

    node: str
    input: bytes


@dataclass(frozen=True, slots=True)
class KeepOutput:
    """Keep an accepted output as the bytes it was, and lock the artifacts it names."""

    node: str
    output: bytes
    artifacts: tuple[ArtifactRef, ...]


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended."""

    status: RunStatus


Effect = (
    DispatchAttempt
    | RecallAttempt
    | RequestApproval
    | CloseApproval
    | WriteAttempt
    | KeepInput
    | KeepOutput
    | RunFinished
)


@dataclass(frozen=True, slots=True)
class Step:
    """One pure decision."""

    run: RunState
    events: tuple[Fact, ...] = ()
    effects: tuple[Effect, ...] = ()
    changed: frozenset[str] = frozenset()
    """The nodes whose state differs."""
    stale: bool = False
    """The signal spoke of something that is over; nothing changed."""
