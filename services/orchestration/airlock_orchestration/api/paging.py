"""Pages on the wire: a cursor is opaque to its reader, and one of ours or refused."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

from airlock_contracts.base import format_time
from airlock_contracts.problems import Finding
from airlock_contracts.views import Page
from fastapi import Depends, Query

from ..errors import InvalidRequest
from ..operations.pages import Cursor, Slice

Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=200, description="Items on the page.")]
DEFAULT_LIMIT = 50
Few = Annotated[int, Query(ge=1, le=50, description="Items on the page; each may have half a megabyte.")]


def write_cursor(cursor: Cursor) -> str:
    """Spell a cursor."""
    created_at, id_ = cursor
    return base64.urlsafe_b64encode(f"{format_time(created_at)}|{id_}".encode()).decode().rstrip("=")


def read_cursor(
    cursor: Annotated[
        str | None, Query(max_length=128, description="`next_cursor` of the page before.")
    ] = None,
) -> Cursor | None:
    """Read a cursor. Raises InvalidRequest for what we never wrote."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        at, _, id_ = text.partition("|")
        return datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC), UUID(id_)
    except (binascii.Error, ValueError) as error:
        finding = Finding(place="query.cursor", code="cursor.invalid", message="not a cursor of this list")
        raise InvalidRequest("the cursor is not one of ours", errors=[finding]) from error


After = Annotated[Cursor | None, Depends(read_cursor)]


def page_of(slice_: Slice[Item]) -> Page[Item]:
    """A page as REST shows it."""
    return Page[Item](items=slice_.items, next_cursor=write_cursor(slice_.next) if slice_.next else None)
