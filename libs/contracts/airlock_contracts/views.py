"""What REST shows: runs, nodes, attempts, approvals, workflows, agents, hosts, keys, artifacts, health."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import ConfigDict, Field

from .base import Message, Time
from .failures import Failure
from .manifest import Manifest
from .messages import Usage
from .statuses import (
    ApprovalStatus,
    AttemptStatus,
    Effects,
    HostStatus,
    NodeStatus,
    OnExpiry,
    RiskLevel,
    RunStatus,
    Verdict,
)
from .workflow import WorkflowSpec

Item = TypeVar("Item")


class Page(Message, Generic[Item]):
    """One page of a list, newest first."""

    # Its kinds have no source to look for docstrings in, and the search took a quarter of the CLI's start.
    model_config = ConfigDict(use_attribute_docstrings=False)

    items: list[Item]
    next_cursor: str | None = Field(
        default=None, description="Give it as `cursor` to get the next page; None on the last."
    )


class AgentView(Message):
    """A registered agent version."""

    id: str
    project: str
    name: str
    version: str
    image_digest: str
    content_sha256: str
    effects: Effects
    manifest: Manifest
    created_at: Time
    created_by: str


class WorkflowView(Message):
    """The newest, or a named, version of a workflow."""

    id: str
    project: str
    name: str
    version: int
    spec: WorkflowSpec
    spec_sha256: str
    created_at: Time
    created_by: str


class AttemptView(Message):
    """One try at an invocation."""

    id: str
    """`run/node/number`."""
    number: int
    status: AttemptStatus
    host: str | None = None
    dispatched_at: Time
    started_at: Time | None = None
    finished_at: Time | None = None
    lease_until: Time | None = None
    redispatch_at: Time | None = None
    failure: Failure | None = None
    stderr_tail: str | None = None
    raw_output: str | None = None
    """Of a failed attempt: what it printed, bounded, unreadable bytes replaced."""
    usage: Usage | None = None


class ApprovalView(Message):
    """The question that a gate raised, and its answer."""

    id: str
    project: str
    run: str
    workflow: str
    node: str
    status: ApprovalStatus
    agent: str
    action: str
    payload_sha256: str
    input: str
    """The resolved input whole: exactly the bytes that will be sent, as text."""
    preview: str | None = None
    """The workflow author's view, rendered; not checked by Airlock."""
    on_expiry: OnExpiry
    requested_at: Time
    requested_by: str
    """Who started the run."""
    expires_at: Time
    decided_at: Time | None = None
    decided_by: str | None = None
    notes: str | None = None


class NodeView(Message):
    """One node of a run."""

    id: str
    status: NodeStatus
    agent: str
    """`name@version`, as pinned when the run started."""
    action: str
    risk_level: RiskLevel
    depends_on: list[str]
    started_at: Time | None = None
    finished_at: Time | None = None
    retry_at: Time | None = None
    attempts: list[AttemptView] = Field(default_factory=list)
    approval: ApprovalView | None = None
    failure: Failure | None = None
    output_sha256: str | None = None
    reused_from: str | None = None


class CancelView(Message):
    """Who asked a run to end, when and why."""

    by: str
    at: Time
    reason: str | None = None


class RunSummary(Message):
    """A run as lists show it."""

    id: str
    project: str
    workflow: str
    workflow_version: int
    status: RunStatus
    created_at: Time
    created_by: str
    finished_at: Time | None = None
    retry_of: str | None = None
    failure: Failure | None = None


class RunView(RunSummary):
    """A run whole."""

    context: Any = None
    context_sha256: str
    trace_id: str | None = None
    cancel: CancelView | None = None
    nodes: list[NodeView]


class RunAccepted(Message):
    """The answer to a trigger."""

    id: str
    status: RunStatus
    workflow: str
    workflow_version: int


class DecisionRequest(Message):
    """A person's answer to an approval."""

    decision: Verdict
    payload_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    notes: str = Field(default="", max_length=4000)


class HostView(Message):
    """A host as its heartbeats describe it."""

    name: str
    status: HostStatus
    pool: str
    version: str
    slots: int
    busy: int
    memory_mb: int
    missing_images: list[str]
    started_at: Time
    seen_at: Time
    clock_ahead: float | None = None
    """Seconds of its clock before Postgres'; less by what its last heartbeat was on its way."""


class KeyView(Message):
    """A key, without its secret."""

    id: str
    name: str
    project: str
    role: str
    created_at: Time
    revoked_at: Time | None = None
    last_used_at: Time | None = None


class ArtifactView(Message):
    """What is known of an artifact."""

    artifact: str
    size: int
    media_type: str
    created_at: Time


HealthStatus = Literal["ok", "degraded", "draining"]


class HealthView(Message):
    """Whether a process can do its work."""

    status: HealthStatus
    """`draining` before the start is done and once it is to stop."""
    service: str
    version: str
    database: Literal["up", "down"]
    nats: Literal["up", "down"]
    timestamp: Time


class CheckView(Message):
    """What one check of a process' health found."""

    up: bool
    milliseconds: float
    detail: str | None = None


Figure = bool | int | float | str


class DetailedHealthView(HealthView):
    """The same, with what each check found and some figures."""

    checks: dict[str, CheckView]
    details: dict[str, Figure]
