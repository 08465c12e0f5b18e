"""The tables: Postgres is the truth, and this page is its shape. Migrations say how it got there.

Rules that hold for every table:
- A row that has an owner carries `project`. Times are `timestamptz`. Statuses are text with a CHECK, spelled
  as in the contracts: readable in psql, and a new one needs no ALTER TYPE.
- Rows of a run (nodes, attempts, approvals, inputs, outputs, events) are written by the door alone, in the
  statement that locks their run. So they have no foreign key to it: a check per row would find nothing.
- JSON that we look into is jsonb. Bytes that must stay as they came (context, inputs, outputs) are bytea.
- Partial indexes hold only what is due or open, so they stay small however many runs there have been.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from airlock_contracts.statuses import (
    ApprovalStatus,
    AttemptStatus,
    Effects,
    NodeStatus,
    OnExpiry,
    RunStatus,
)
from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text
from sqlmodel import Field

from .columns import Row, bytes_column, json_column, one_of, text_column, time_column
from .log_table import AgentLogRow as AgentLogRow  # its table belongs to METADATA

METADATA = Row.metadata
"""All tables."""

# Rows that are updated several times soon after they were written leave room on their page for the new one,
# and are vacuumed after a fixed number of changes: a share of a table that only grows would come ever later.
HOT = {"fillfactor": "70", "autovacuum_vacuum_scale_factor": "0.0", "autovacuum_vacuum_threshold": "5000"}


class Direction(StrEnum):
    """Whether a run was given an artifact or made it."""

    INPUT = "input"
    OUTPUT = "output"


class KeyRole(StrEnum):
    """What a key may do."""

    ADMIN = "admin"
    HOST = "host"


class AgentRow(Row, table=True):
    """One agent version: immutable, and never deleted while a run refers to it."""

    __tablename__ = "agents"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("project", "name", "version"),
        one_of("effects", Effects),
    )

    id: UUID = Field(primary_key=True)
    project: str = text_column()
    name: str = text_column()
    version: str = text_column()
    version_key: str = Field(sa_column=Column(Text(collation="C"), nullable=False))
    """Sorts as the versions do."""
    manifest: dict[str, Any] = json_column()
    image_digest: str = text_column()
    content_sha256: str = text_column()
    effects: str = text_column()
    created_at: datetime = time_column()
    created_by: str = text_column()


class WorkflowRow(Row, table=True):
    """A workflow's name."""

    __tablename__ = "workflows"
    __table_args__: ClassVar[Any] = (UniqueConstraint("project", "name"),)

    id: UUID = Field(primary_key=True)
    project: str = text_column()
    name: str = text_column()
    created_at: datetime = time_column()


class WorkflowVersionRow(Row, table=True):
    """One immutable, checked specification of a workflow."""

    __tablename__ = "workflow_versions"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("workflow_id", "number"),
        CheckConstraint("number >= 1", name="number"),
    )

    id: UUID = Field(primary_key=True)
    workflow_id: UUID = Field(foreign_key="workflows.id")
    number: int
    spec: dict[str, Any] = json_column()
    spec_sha256: str = text_column()
    created_at: datetime = time_column()
    created_by: str = text_column()


class RunRow(Row, table=True):
    """A run. `version` is compared and set by every change; its lock is the first one taken."""

    __tablename__ = "runs"
    __table_args__: ClassVar[Any] = (
        # A trigger repeated with the same key finds its run again instead of making another.
        Index(
            "uq_runs_trigger",
            "project",
            "workflow_id",
            "trigger_key",
            unique=True,
            postgresql_where=text("trigger_key IS NOT NULL"),
        ),
        Index("ix_runs_page", "project", text("created_at DESC"), text("id DESC")),
        Index("ix_runs_page_status", "project", "status", text("created_at DESC"), text("id DESC")),
        Index("ix_runs_page_workflow", "workflow_id", text("created_at DESC"), text("id DESC")),
        Index("ix_runs_open", "id", postgresql_where=text("finished_at IS NULL")),
        one_of("status", RunStatus),
        CheckConstraint(
            "(finished_at IS NOT NULL) = (status IN ('SUCCESS', 'FAILED', 'CANCELLED'))", name="finished"
        ),
        {"postgresql_with": HOT},
    )

    id: UUID = Field(primary_key=True)
    project: str = text_column()
    workflow_id: UUID = Field(foreign_key="workflows.id")
    workflow_version_id: UUID = Field(foreign_key="workflow_versions.id")
    status: str = text_column()
    version: int = Field(sa_type=BigInteger)
    last_event: int
    """Number of the newest journal row."""
    context: bytes = bytes_column()
    """The trigger's input, as it came."""
    context_sha256: str = text_column()
    agents: dict[str, str] = json_column()
    """The pins: each agent reference as a node writes it, to the id of an agent version."""
    failure: dict[str, Any] | None = json_column(nullable=True)
    created_at: datetime = time_column()
    created_by: str = text_column()
    finished_at: datetime | None = time_column(nullable=True)
    retry_of: UUID | None = None
    trigger_key: str | None = text_column(nullable=True, default=None)
    trigger_fingerprint: str | None = text_column(nullable=True, default=None)
    """Digest of what the trigger asked: the same key for something else is an error."""
    trigger_kind: str = text_column()
    traceparent: str | None = text_column(nullable=True, default=None)


class NodeRow(Row, table=True):
    """A node of a run."""

    __tablename__ = "nodes"
    __table_args__: ClassVar[Any] = (
        Index("ix_nodes_retry", "retry_at", postgresql_where=text("status = 'BACKING_OFF'")),
        # What the wake-up certificate looks through: only what is not over.
        Index(
            "ix_nodes_open",
            "run_id",
            postgresql_where=text("status NOT IN ('SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED')"),
        ),
        one_of("status", NodeStatus),
        {"postgresql_with": HOT},
    )

    run_id: UUID = Field(primary_key=True)
    node: str = text_column(primary_key=True)
    position: int
    """Place in the topological order."""
    status: str = text_column()
    open_parents: int
    failures: int
    losses: int
    attempt: int | None = None
    """Number of the newest attempt."""
    retry_at: datetime | None = time_column(nullable=True)
    approval: UUID | None = None
    input_sha256: str | None = text_column(nullable=True, default=None)
    preview_sha256: str | None = text_column(nullable=True, default=None)
    output_sha256: str | None = text_column(nullable=True, default=None)
    failure: dict[str, Any] | None = json_column(nullable=True)
    started_at: datetime | None = time_column(nullable=True)
    finished_at: datetime | None = time_column(nullable=True)
    reused_from: UUID | None = None


class AttemptRow(Row, table=True):
    """One numbered try at a node. While it is DISPATCHED the row itself is the debt to publish it."""

    __tablename__ = "attempts"
    __table_args__: ClassVar[Any] = (
        Index("ix_attempts_redispatch", "redispatch_at", postgresql_where=text("status = 'DISPATCHED'")),
        Index("ix_attempts_lease", "lease_until", postgresql_where=text("status = 'RUNNING'")),
        Index("ix_attempts_deadline", "deadline", postgresql_where=text("status = 'RUNNING'")),
        one_of("status", AttemptStatus),
        {"postgresql_with": HOT},
    )

    run_id: UUID = Field(primary_key=True)
    node: str = text_column(primary_key=True)
    number: int = Field(primary_key=True)
    status: str = text_column()
    dispatched_at: datetime = time_column()
    sends: int
    redispatch_at: datetime | None = time_column(nullable=True)
    token: str | None = text_column(nullable=True, default=None)
    """Whose it is; every word about the attempt carries it."""
    host: str | None = text_column(nullable=True, default=None)
    started_at: datetime | None = time_column(nullable=True)
    lease_until: datetime | None = time_column(nullable=True)
    """Moved by heartbeats, which are no change of the run."""
    deadline: datetime | None = time_column(nullable=True)
    finished_at: datetime | None = time_column(nullable=True)
    failure: dict[str, Any] | None = json_column(nullable=True)
    raw_output: bytes | None = bytes_column(nullable=True)
    """Of a failed attempt, bounded: for a person to look at."""
    stderr_tail: str | None = text_column(nullable=True, default=None)
    usage: dict[str, Any] | None = json_column(nullable=True)


class ApprovalRow(Row, table=True):
    """The question that a gate raised, and its answer."""

    __tablename__ = "approvals"
    __table_args__: ClassVar[Any] = (
        Index("ix_approvals_expiry", "expires_at", postgresql_where=text("status = 'PENDING'")),
        Index("ix_approvals_page", "project", "status", text("requested_at DESC"), text("id DESC")),
        Index("ix_approvals_run", "run_id"),
        one_of("status", ApprovalStatus),
        one_of("on_expiry", OnExpiry),
        {"postgresql_with": HOT},
    )

    id: UUID = Field(primary_key=True)
    project: str = text_column()
    run_id: UUID
    node: str = text_column()
    status: str = text_column()
    payload_sha256: str = text_column()
    """What a decision must name: it covers all that the decision binds."""
    preview: str | None = text_column(nullable=True, default=None)
    on_expiry: str = text_column()
    requested_at: datetime = time_column()
    expires_at: datetime = time_column()
    decided_at: datetime | None = time_column(nullable=True)
    decided_by: str | None = text_column(nullable=True, default=None)
    notes: str | None = text_column(nullable=True, default=None)


class InputRow(Row, table=True):
    """A node's resolved input: the bytes that are shown, hashed and sent, by every attempt."""

    __tablename__ = "inputs"

    run_id: UUID = Field(primary_key=True)
    node: str = text_column(primary_key=True)
    input: bytes = bytes_column()


class OutputRow(Row, table=True):
    """A node's accepted output, byte for byte."""

    __tablename__ = "outputs"

    run_id: UUID = Field(primary_key=True)
    node: str = text_column(primary_key=True)
    output: bytes = bytes_column()


class EventRow(Row, table=True):
    """A fact about a run, numbered within it without a gap."""

    __tablename__ = "events"
    __table_args__: ClassVar[Any] = (CheckConstraint("seq >= 1", name="seq"),)

    run_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    project: str = text_column()
    at: datetime = time_column()
    type: str = text_column()
    principal: str = text_column()
    node: str | None = text_column(nullable=True, default=None)
    data: dict[str, Any] = json_column()
    v: int


class ArtifactRow(Row, table=True):
    """Immutable bytes, known by their digest."""

    __tablename__ = "artifacts"
    __table_args__: ClassVar[Any] = (CheckConstraint("size >= 0", name="size"),)

    sha256: str = text_column(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    media_type: str = text_column()
    created_at: datetime = time_column()
    complete: bool
    """All its chunks are here and the digest was right; before that nobody may use it."""


class ArtifactChunkRow(Row, table=True):
    """At most 1 MiB of an artifact."""

    __tablename__ = "artifact_chunks"

    sha256: str = text_column(ForeignKey("artifacts.sha256", ondelete="CASCADE"), primary_key=True)
    position: int = Field(primary_key=True)
    chunk: bytes = bytes_column()


class ArtifactUseRow(Row, table=True):
    """A run names an artifact: it stays for as long as the run. Node '' is the run's context."""

    __tablename__ = "artifact_uses"
    __table_args__: ClassVar[Any] = (
        Index("ix_artifact_uses_sha256", "sha256"),
        one_of("direction", Direction),
    )

    run_id: UUID = Field(primary_key=True)
    node: str = text_column(primary_key=True)
    sha256: str = text_column(ForeignKey("artifacts.sha256"), primary_key=True)
    direction: str = text_column(primary_key=True)


class ArtifactPutRow(Row, table=True):
    """Who put an artifact: a principal, or an attempt as `run/node/number`. An output names only its own."""

    __tablename__ = "artifact_puts"

    sha256: str = text_column(ForeignKey("artifacts.sha256", ondelete="CASCADE"), primary_key=True)
    put_by: str = text_column(primary_key=True)
    at: datetime = time_column()


class ArtifactOwnerRow(Row, table=True):
    """A project has an artifact: one of its keys or attempts put it. Whoever has, is shown it in lists."""

    __tablename__ = "artifact_owners"
    __table_args__: ClassVar[Any] = (
        Index("ix_artifact_owners_page", "project", text("at DESC"), text("sha256 DESC")),
    )

    project: str = text_column(primary_key=True)
    sha256: str = text_column(ForeignKey("artifacts.sha256", ondelete="CASCADE"), primary_key=True)
    at: datetime = time_column()
    """When it was put there first."""


class HostRow(Row, table=True):
    """A host as its last heartbeat described it."""

    __tablename__ = "hosts"
    __table_args__: ClassVar[Any] = ({"postgresql_with": HOT},)

    name: str = text_column(primary_key=True)
    boot: str = text_column()
    pool: str = text_column()
    version: str = text_column()
    slots: int
    busy: int
    memory_mb: int
    draining: bool
    missing_images: list[str] = json_column()
    started_at: datetime = time_column()
    seen_at: datetime = time_column()


class KeyRow(Row, table=True):
    """A key: its public part, and the digest of its secret."""

    __tablename__ = "keys"
    __table_args__: ClassVar[Any] = (one_of("role", KeyRole),)

    id: str = text_column(primary_key=True)
    project: str = text_column()
    name: str = text_column()
    role: str = text_column()
    secret_sha256: bytes = bytes_column()
    created_at: datetime = time_column()
    created_by: str = text_column()
    revoked_at: datetime | None = time_column(nullable=True)
    last_used_at: datetime | None = time_column(nullable=True)


class SweepRow(Row, table=True):
    """When a replica that hosts could reach last looked for what is due: the one row that there may be."""

    __tablename__ = "sweeps"
    __table_args__: ClassVar[Any] = (CheckConstraint("single", name="single"),)

    single: bool = Field(primary_key=True)
    at: datetime = time_column()
