"""The state of a run, as values. It holds statuses, counters and due times, and no inputs or outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from airlock_contracts.failures import Failure
from airlock_contracts.statuses import ApprovalStatus, AttemptStatus, NodeStatus, RunStatus

from .plan import Plan


@dataclass(frozen=True, slots=True)
class AttemptState:
    """One numbered try at a node."""

    number: int
    status: AttemptStatus
    dispatched_at: datetime
    sends: int = 1
    """How often its invocation was published."""
    redispatch_at: datetime | None = None
    """Set while DISPATCHED: when it is published again."""
    token: str | None = None
    host: str | None = None
    started_at: datetime | None = None
    """When its claim was granted, or its report was the claim."""
    lease_until: datetime | None = None
    """Set while RUNNING: as of the grant; heartbeats move the row's, not this."""
    deadline: datetime | None = None
    """Set while RUNNING: when it is given up although its host lives."""
    finished_at: datetime | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class ApprovalState:
    """The question that a node's gate raised."""

    id: str
    status: ApprovalStatus
    payload_sha256: str
    expires_at: datetime
    decided_at: datetime | None = None
    """When it was closed, by whom or what ever."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """Where a node stands."""

    status: NodeStatus
    open_parents: int
    """Predecessors that have not succeeded yet."""
    failures: int = 0
    """Attempts that failed; bounded by the retry policy."""
    losses: int = 0
    """Attempts that were lost; bounded apart from failures."""
    attempt: AttemptState | None = None
    """The newest attempt."""
    retry_at: datetime | None = None
    """Set while BACKING_OFF."""
    approval: ApprovalState | None = None
    input_sha256: str | None = None
    preview_sha256: str | None = None
    output_sha256: str | None = None
    failure: Failure | None = None
    started_at: datetime | None = None
    """When it was first queued or asked for."""
    finished_at: datetime | None = None
    reused_from: str | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """The run that another one tries again."""

    run: str
    traceparent: str | None
    """Its trace, which is not that of the other."""


@dataclass(frozen=True, slots=True)
class RunState:
    """A run at one version of its row."""

    id: str
    plan: Plan
    status: RunStatus
    nodes: Mapping[str, NodeState]
    counts: Mapping[NodeStatus, int]
    """How many nodes stand in each status."""
    last_event: int = 0
    """Number of the newest journal row."""
    version: int = 0
    """Of the row that this state was read from; 0 before there is one."""
    failure: Failure | None = None
    """Of the first node that failed."""
    finished_at: datetime | None = None
    traceparent: str | None = None
    """The trace that the trigger began; every message about the run carries it."""
    trigger: str = ""
    """What kind of trigger began it: `api`, `retry`, ..."""
    retries: Retried | None = None


def count_statuses(nodes: Mapping[str, NodeState]) -> dict[NodeStatus, int]:
    """Count the nodes in each status that occurs."""
    counts: dict[NodeStatus, int] = {}
    for node in nodes.values():
        counts[node.status] = counts.get(node.status, 0) + 1
    return counts


@dataclass(frozen=True, slots=True)
class Values:
    """Parsed JSON that templates may read: what `needs` named."""

    context: object = None
    outputs: Mapping[str, object] = field(default_factory=dict)
    """By node id."""

    def scope(self) -> dict[str, object]:
        """The names that a template sees."""
        return {
            "context": self.context,
            "nodes": {id_: {"output": output} for id_, output in self.outputs.items()},
        }
