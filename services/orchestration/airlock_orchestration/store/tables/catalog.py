"""The tables of what people register: agents and workflows, immutable in every version."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from airlock_contracts.statuses import Effects
from sqlalchemy import CheckConstraint, Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field

from .columns import Row, json_column, one_of, text_column, time_column


class AgentRow(Row, table=True):
    """One agent version: immutable, and never deleted while a run refers to it."""

    __tablename__ = "agents"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("project", "name", "version"),
        one_of("effects", Effects),
        Index("ix_agents_pool", text("(manifest ->> 'pool')")),
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
