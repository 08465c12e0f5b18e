"""The table of how many requests were let through lately: what all replicas count in together."""

from typing import Any, ClassVar

from sqlalchemy import ARRAY, BigInteger, Column, Integer
from sqlmodel import Field

from .columns import HOT, Row, text_column

SLOTS = 61
"""Seconds that a bucket holds: those of a minute, and the one that is under way."""


class RateRow(Row, table=True):
    """A bucket: the requests of one class that one key, or else one address, was let through with.

    Not logged: counting costs no write to disk, and after a crash of Postgres counting begins anew.
    """

    __tablename__ = "rates"
    __table_args__: ClassVar[Any] = ({"postgresql_with": HOT, "prefixes": ["UNLOGGED"]},)

    bucket: str = text_column(primary_key=True)
    second: int = Field(sa_type=BigInteger)
    """Of the newest slot, by Postgres' clock, since 1970."""
    counts: list[int] = Field(sa_column=Column(ARRAY(Integer), nullable=False))
    """What was let through in each second, the newest first."""
    granted: int
    """How many of those who asked last were let through: what an upsert can answer with."""
    most: int
    """How many are let through within a minute."""
