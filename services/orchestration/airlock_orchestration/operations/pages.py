"""Pages of lists: where one ends, the next begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

Item = TypeVar("Item")
Key = TypeVar("Key", UUID, str)
Cursor: TypeAlias = tuple[datetime, Key]
"""`(created_at, id)` of the last item of the page before."""


@dataclass(frozen=True, slots=True)
class Slice(Generic[Item, Key]):
    """One page, and the cursor of the next; None on the last page."""

    items: list[Item]
    next: Cursor[Key] | None = None


def slice_of(rows: Sequence[tuple[Item, Cursor[Key]]], limit: int) -> Slice[Item, Key]:
    """Make a page of at most `limit` rows, given one more than that where there are more."""
    shown = rows[:limit]
    return Slice([item for item, _ in shown], shown[-1][1] if len(rows) > limit else None)
