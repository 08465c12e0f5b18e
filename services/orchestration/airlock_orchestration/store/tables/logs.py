"""The table of what agents say while they work, apart from the others: it is a convenience, not truth.

Written by the logs' worker, not by the door: it changes no run. No foreign key, as in all rows of a run.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from airlock_contracts.logs import LogLevel, LogStream
from sqlalchemy import BigInteger, CheckConstraint, Column, Double, Identity, Index
from sqlmodel import Field

from .columns import Row, json_column, one_of, text_column, time_column


class AgentLogRow(Row, table=True):
    """A line that an agent said."""

    __tablename__ = "agent_logs"
    __table_args__: ClassVar[Any] = (
        Index("uq_agent_logs_line", "run_id", "node", "attempt", "line", unique=True),
        Index("ix_agent_logs_node", "run_id", "node", "id"),
        CheckConstraint("line >= 1", name="line"),
        one_of("stream", LogStream),
        one_of("level", LogLevel),
    )

    run_id: UUID = Field(primary_key=True)
    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    """Of two lines of a run the one committed later has the greater id."""
    node: str = text_column()
    attempt: int
    line: int
    """Counted by the host within the attempt."""
    at: datetime = time_column()
    stream: str = text_column()
    level: str = text_column()
    message: str = text_column()
    fields: dict[str, Any] | None = json_column(nullable=True)
    fraction: float | None = Field(default=None, sa_type=Double)
    size: int
    """Bytes that it counts for its attempt."""
