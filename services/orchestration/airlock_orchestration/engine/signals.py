"""What may happen to a run. A signal is a value; `step` decides what it means."""

from dataclasses import dataclass, field

from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.failures import Failure
from airlock_contracts.messages import Usage
from airlock_contracts.statuses import Verdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a host saw of an attempt beside its output; bounded by the message that brought it."""

    raw_output: bytes = b""
    """Of a failed attempt."""
    stderr_tail: str = ""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Reuse:
    """A node's output copied from an earlier run."""

    node: str
    output: bytes
    run: str
    artifacts: tuple[ArtifactRef, ...] = ()


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A trigger was accepted. The run's state before it is `step.new_run(...)`."""

    run: str
    principal: str
    context_sha256: str
    reuse: tuple[Reuse, ...] = ()
    retry_of: str | None = None


@dataclass(frozen=True, slots=True)
class RedispatchDue:
    """Nobody claimed the attempt in time: publish it again."""

    run: str
    node: str
    number: int


@dataclass(frozen=True, slots=True)
class AttemptClaimed:
    """A host asks for the attempt."""

    run: str
    node: str
    number: int
    token: str
    host: str


@dataclass(frozen=True, slots=True)
class AttemptSucceeded:
    """A host reported an output that satisfies its schema."""

    run: str
    node: str
    number: int
    token: str
    host: str
    output: bytes
    value: object
    """The output, parsed."""
    artifacts: tuple[ArtifactRef, ...] = ()
    """The artifacts that the output names."""
    evidence: Evidence = Evidence()


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """A host reported a failure, or the output broke its contract."""

    run: str
    node: str
    number: int
    token: str
    host: str
    failure: Failure
    evidence: Evidence = Evidence()


@dataclass(frozen=True, slots=True)
class LeaseExpired:
    """A running attempt was not renewed; its row's lease is compared again when this is applied."""

    run: str
    node: str
    number: int


@dataclass(frozen=True, slots=True)
class RetryDue:
    """A node has backed off long enough."""

    run: str
    node: str
    number: int
    """Of the attempt that failed."""


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """A running attempt took longer than its limit and its host did not end it."""

    run: str
    node: str
    number: int


@dataclass(frozen=True, slots=True)
class ApprovalDecided:
    """A person answered. The hash was compared by whoever sends this, and is again by `step`."""

    run: str
    node: str
    approval: str
    verdict: Verdict
    principal: str
    payload_sha256: str
    notes: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalExpired:
    """Nobody answered in time; the expiry is compared again when it is applied."""

    run: str
    node: str
    approval: str


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """A person wants the run to end."""

    run: str
    principal: str
    reason: str = ""


NodeSignal = (
    RedispatchDue
    | AttemptClaimed
    | AttemptSucceeded
    | AttemptFailed
    | LeaseExpired
    | RetryDue
    | DeadlineReached
    | ApprovalDecided
    | ApprovalExpired
)
Signal = RunStarted | CancelRequested | NodeSignal
