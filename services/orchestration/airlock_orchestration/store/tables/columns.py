"""What the tables are built from: a base with stable constraint names, and the few kinds of columns."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, LargeBinary, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


# Rows that are updated several times soon after they were written leave room on their page for the new one,
# and are vacuumed after a fixed number of changes: a share of a table that only grows would come ever later.
HOT = {"fillfactor": "70", "autovacuum_vacuum_scale_factor": "0.0", "autovacuum_vacuum_threshold": "5000"}


class Row(SQLModel):
    """What every table has: names for its constraints that do not depend on who made them."""

    metadata = MetaData(naming_convention=_NAMES)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A CHECK that the column holds one of an enum's values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def text_column(*args: Any, nullable: bool = False, primary_key: bool = False, **kwargs: Any) -> Any:
    """Text without a limit: lengths are bounded where a value comes in."""
    return Field(sa_column=Column(Text(), *args, nullable=nullable, primary_key=primary_key), **kwargs)


def json_column(*, nullable: bool = False) -> Any:
    """jsonb. Postgres refuses U+0000, lone surrogates and Infinity in it: they are cleaned before."""
    return Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=nullable))


def bytes_column(*, nullable: bool = False) -> Any:
    """Bytes that stay as they came."""
    return Field(default=None, sa_column=Column(LargeBinary(), nullable=nullable))


def time_column(*, nullable: bool = False) -> Any:
    """A point in time, with its zone."""
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=nullable))
