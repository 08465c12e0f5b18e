"""The tables of artifacts: their bytes, who put them, whose they are, and which runs name them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlmodel import Field

from .columns import Row, bytes_column, one_of, text_column, time_column


class Direction(StrEnum):
    """Whether a run was given an artifact or made it."""

    INPUT = "input"
    OUTPUT = "output"


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
