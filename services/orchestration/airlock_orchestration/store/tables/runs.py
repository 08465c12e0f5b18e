"""The tables of runs. The door alone writes them, in the statement that locks the run."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from airlock_contracts.statuses import ApprovalStatus, AttemptStatus, NodeStatus, OnExpiry, RunStatus
from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field

from .columns import HOT, Row, bytes_column, json_column, one_of, text_column, time_column


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
