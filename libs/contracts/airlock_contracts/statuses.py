"""The statuses of runs, nodes, attempts and approvals, spelled as everywhere else."""

from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING_APPROVAL = "WAITING_APPROVAL"
    CANCELLING = "CANCELLING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether a run in this status never moves again."""
        return self in _FINAL_RUN


class NodeStatus(StrEnum):
    """Where a node of a run stands."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    BACKING_OFF = "BACKING_OFF"
    WAITING_APPROVAL = "WAITING_APPROVAL"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether a node in this status never moves again."""
        return self in _FINAL_NODE


class AttemptStatus(StrEnum):
    """Where an attempt stands."""

    DISPATCHED = "DISPATCHED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    LOST = "LOST"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether an attempt in this status never moves again."""
        return self in _FINAL_ATTEMPT


class ApprovalStatus(StrEnum):
    """Where an approval stands."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


class Verdict(StrEnum):
    """What a person may answer to an approval."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class OnExpiry(StrEnum):
    """What an approval that nobody decided turns into. Never an approval."""

    REJECT = "reject"
    SKIP = "skip"


class RiskLevel(StrEnum):
    """Whether an action may run without a person's decision."""

    AUTO = "AUTO"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"


class AgentType(StrEnum):
    """What kind of thing does the work inside an agent."""

    LLM = "LLM"
    RULE = "RULE"
    API = "API"
    SCRIPT = "SCRIPT"


class Protocol(StrEnum):
    """How a host talks to an agent's container."""

    STDIO = "stdio"
    AIRLOCK_1 = "airlock/1"


class Isolation(StrEnum):
    """How many invocations one container serves."""

    INVOCATION = "invocation"
    REUSE = "reuse"


class Effects(StrEnum):
    """Whether an attempt can touch anything outside its sandbox; derived, never declared."""

    NONE = "none"
    EXTERNAL = "external"


class HostStatus(StrEnum):
    """Whether a host takes work."""

    UP = "UP"
    DRAINING = "DRAINING"
    GONE = "GONE"


_FINAL_RUN = frozenset({RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELLED})
_FINAL_NODE = frozenset({NodeStatus.SUCCESS, NodeStatus.FAILED, NodeStatus.SKIPPED, NodeStatus.CANCELLED})
_FINAL_ATTEMPT = frozenset(
    {AttemptStatus.SUCCESS, AttemptStatus.FAILED, AttemptStatus.LOST, AttemptStatus.CANCELLED}
)
