"""Why a run stands where it stands: for whom or what it waits, since when, and what happens next."""

from enum import StrEnum

from pydantic import Field

from .base import Message, Time
from .failures import FailureKind
from .statuses import NodeStatus, RunStatus
from .views import CancelView


class WaitReason(StrEnum):
    """What keeps a node that is not over from going on."""

    PARENTS = "parents.open"
    """Nodes that it depends on are not over."""
    NO_HOST = "host.none"
    """No agent host of its pool is up."""
    NO_IMAGE = "image.missing"
    """Every host of its pool lacks the agent's image."""
    HOSTS_BUSY = "host.busy"
    """Every slot of its pool is taken."""
    SENT = "host.pending"
    """It was sent to its pool, and no host has claimed it yet; short work is never claimed."""
    RUNNING = "attempt.running"
    """A host holds it."""
    LEASE_LAPSED = "lease.lapsed"
    """Its host was not heard of in time."""
    LATE = "deadline.passed"
    """It takes longer than it may."""
    RECALLED = "attempt.recalled"
    """The run is being cancelled, and its host was told."""
    BACKING_OFF = "retry.later"
    """An attempt failed; the next one has its time."""
    RETRY_DUE = "retry.due"
    """The next attempt's time has come."""
    APPROVAL = "approval.open"
    """A person is asked."""
    APPROVAL_EXPIRED = "approval.expired"
    """A person was asked, and the time to answer is over."""
    BUG = "bug"
    """Nothing will wake it: a bug of Airlock."""


class Waiting(Message):
    """A node that is not over, and what it waits for."""

    node: str
    status: NodeStatus
    reason: WaitReason
    why: str
    """A sentence without its full stop, for people."""
    waits_for: list[str] = Field(default_factory=list)
    """Names: of nodes, hosts, a pool, or the id of an approval."""
    since: Time | None = None
    then: str
    """What happens next."""
    at: Time | None = None
    """When, at the latest; None where that is up to somebody."""
    command: str | None = None
    """What would move it on, or show what to mend."""


class FailedNode(Message):
    """A node that failed, and what to do about it."""

    node: str
    kind: FailureKind
    code: str
    message: str
    attempt: str | None = None
    host: str | None = None
    at: Time | None = None
    todo: str
    """What to do, in a sentence."""
    page: str | None = None
    """Where the service tells more about the code; None for a code of the agent's own."""


class RetryPlan(Message):
    """What a retry of a run that ended would do."""

    possible: bool
    why_not: str | None = None
    copies: list[str] = Field(default_factory=list)
    """Nodes that succeeded: their outputs are taken over."""
    redoes: list[str] = Field(default_factory=list)
    """Nodes that start anew; gates among them ask again."""


class Explanation(Message):
    """Why a run stands where it stands."""

    run: str
    workflow: str
    status: RunStatus
    now: Time
    """Postgres' clock: all other times are by it."""
    why: str
    since: Time
    then: str
    at: Time | None = None
    command: str | None = None
    bug: bool = False
    """Something of the run would sleep for ever: a bug of Airlock."""
    cancel: CancelView | None = None
    waiting: list[Waiting] = Field(default_factory=list)
    failed: list[FailedNode] = Field(default_factory=list)
    retry: RetryPlan | None = None
    """Of a run that ended without success."""
