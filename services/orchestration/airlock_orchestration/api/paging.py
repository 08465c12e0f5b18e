"""Pages on the wire: a cursor is opaque to its reader, and one of ours or refused."""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

from airlock_contracts.base import SHA256_PATTERN, format_time
from airlock_contracts.problems import Finding
from airlock_contracts.views import Page
from fastapi import Depends, Query

from ..errors import InvalidRequest
from ..operations.pages import Cursor, Key, Slice

Item = TypeVar("Item")

MAX_LIMIT = 200
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items on the page.")]
DEFAULT_LIMIT = 50
Few = Annotated[int, Query(ge=1, le=50, description="Items on the page; each may have half a megabyte.")]
_Text = Annotated[str | None, Query(max_length=512, description="`next_cursor` of the page before.")]
_NAME = "name|"  # of lists that are sorted by name; a time begins otherwise
_MAX_NAME = 256


def write_cursor(cursor: Cursor[Key]) -> str:
    """Spell a cursor."""
    created_at, id_ = cursor
    return _spell(f"{format_time(created_at)}|{id_}")


def write_name(name: str) -> str:
    """Spell the cursor of a list that is sorted by name."""
    return _spell(_NAME + name)


def read_cursor(cursor: _Text = None) -> Cursor[UUID] | None:
    """Read a cursor of what has an id. Raises InvalidRequest for what we never wrote."""
    if cursor is None:
        return None
    at, id_ = _read_pair(cursor)
    try:
        return at, UUID(id_)
    except ValueError as error:
        raise _refused() from error


def read_digest_cursor(cursor: _Text = None) -> Cursor[str] | None:
    """Read a cursor of what has a digest. Raises InvalidRequest."""
    if cursor is None:
        return None
    at, digest = _read_pair(cursor)
    if re.fullmatch(SHA256_PATTERN, digest) is None:
        raise _refused()
    return at, digest


def read_name_cursor(cursor: _Text = None) -> str | None:
    """Read a cursor of what is sorted by name. Raises InvalidRequest."""
    if cursor is None:
        return None
    text = _read(cursor)
    name = text.removeprefix(_NAME)
    if name == text or not 0 < len(name) <= _MAX_NAME or "\0" in name:
        raise _refused()
    return name


After = Annotated[Cursor[UUID] | None, Depends(read_cursor)]
AfterDigest = Annotated[Cursor[str] | None, Depends(read_digest_cursor)]
AfterName = Annotated[str | None, Depends(read_name_cursor)]


def page_of(slice_: Slice[Item, Key]) -> Page[Item]:
    """A page as REST shows it."""
    return Page[Item](items=slice_.items, next_cursor=write_cursor(slice_.next) if slice_.next else None)


def _spell(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _refused() from error


def _read_pair(cursor: str) -> tuple[datetime, str]:
    at, _, id_ = _read(cursor).partition("|")
    try:
        return datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC), id_
    except ValueError as error:
        raise _refused() from error


def _refused() -> InvalidRequest:
    finding = Finding(place="query.cursor", code="cursor.invalid", message="not a cursor of this list")
    return InvalidRequest("the cursor is not one of ours", errors=[finding])
