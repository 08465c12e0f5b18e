"""What stands in a JSON body byte for byte, cursors, bells."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from airlock_orchestration.api.documents import member
from airlock_orchestration.api.paging import read_cursor, write_cursor
from airlock_orchestration.errors import InvalidRequest
from airlock_orchestration.operations.bells import Bells
from airlock_orchestration.operations.pages import slice_of
from hypothesis import given
from hypothesis import strategies as st

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ID = UUID("01a1fb7d-ec30-7f2b-916f-8bbcf3ce8ec4")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"context":{"a": 1.50 }}', '{"a": 1.50 }'),
        (' { "version" : 1 ,\n "context" :\t[ 1,2 ] } ', "[ 1,2 ]"),
        ('{"context":"} , \\"context\\":1","version":2}', '"} , \\"context\\":1"'),
        ('{"conte\\u0078t": 1e2}', "1e2"),
        ('{"version":{"context":1}}', None),
        ("{}", None),
        ('{"context":"漢字"}', '"漢字"'),
    ],
)
def test_a_member_is_found_as_the_bytes_that_it_is(body: str, found: str | None) -> None:
    assert member(body.encode(), "context") == (None if found is None else found.encode())


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.lists(st.none())), st.integers(0, 4)
)
def test_every_member_of_every_object_is_found(value: dict[str, Any], indent: int) -> None:
    body = json.dumps(value, indent=indent or None, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if b"\xed" in body:
        return
    for name, child in value.items():
        data = member(body, name)
        assert data is not None
        assert json.loads(data) == child


def test_a_cursor_is_read_as_it_was_written() -> None:
    assert read_cursor(write_cursor((AT, ID))) == (AT, ID)
    assert read_cursor(None) is None


@pytest.mark.parametrize("text", ["", "x", "====", "2026", "MjAyNnx4", "\u00e9", "a" * 128])
def test_what_is_no_cursor_of_ours_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_cursor(text)


def test_a_page_has_a_next_one_only_if_there_is_more() -> None:
    rows = [(number, (AT, UUID(int=number))) for number in range(3)]
    assert slice_of(rows, 3).next is None
    page = slice_of(rows, 2)
    assert (page.items, page.next) == ([0, 1], (AT, UUID(int=1)))
    assert slice_of([], 2).items == []


async def test_a_bell_wakes_those_who_follow_that_run_and_nobody_else() -> None:
    bells = Bells()
    with bells.listen("a") as first, bells.listen("a") as second, bells.listen("b") as other:
        bells.ring(["a", "c"])
        assert (first.is_set(), second.is_set(), other.is_set()) == (True, True, False)
        bells.close()
        await asyncio.wait_for(other.wait(), 1)
        assert bells.listeners == 3
    assert bells.listeners == 0
