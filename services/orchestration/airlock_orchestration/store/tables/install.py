"""The tables of the install itself: its hosts, its keys, its sweeps."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Double
from sqlmodel import Field

from .columns import HOT, Row, bytes_column, json_column, one_of, text_column, time_column


class KeyRole(StrEnum):
    """What a key may do."""

    ADMIN = "admin"
    HOST = "host"
    WEBHOOK = "webhook"


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
    clock_ahead: float | None = Field(default=None, sa_type=Double)
    """Seconds before Postgres'; None of a host that does not say."""


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
