"""A stream of server-sent events looks when it is told to, and no more often than it may."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from airlock_orchestration.api.streams import Look, block, stream_of
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.operations.bells import Bells

RUN = "r"


async def test_however_often_the_bell_rings_two_looks_are_a_pause_apart() -> None:
    bells, loop = Bells(), asyncio.get_running_loop()
    looks: list[float] = []

    async def look() -> Look:
        looks.append(loop.time())
        bells.ring([RUN])  # somebody said more while we looked
        found = len(looks) % 2 == 0
        return Look(b"found" if found else b"", is_last=len(looks) == 8)

    async for _ in stream_of(bells, RUN, look, pause=0.05):
        pass
    assert len(looks) == 8
    assert min(later - earlier for earlier, later in pairwise(looks)) >= 0.049


async def test_what_was_told_is_followed_by_a_look_without_a_bell() -> None:
    told = [b"one", b"two", b""]

    async def look() -> Look:
        text = told.pop(0)
        return Look(text, is_last=not told)

    async with asyncio.timeout(5):
        seen = [piece async for piece in stream_of(Bells(), RUN, look)]
    assert seen == [b"retry: 2000\n\n", b"one", b"two"]


async def test_a_stream_says_that_it_is_there_while_nothing_comes() -> None:
    bells = Bells()

    async def look() -> Look:
        return Look()

    stream = stream_of(bells, RUN, look, ping_seconds=0.01)
    assert [await anext(stream) for _ in range(3)] == [b"retry: 2000\n\n", *[b": still here\n\n"] * 2]
    bells.close()
    assert [piece async for piece in stream] == []


async def test_without_postgres_a_stream_ends_so_that_its_reader_comes_back() -> None:
    bells = Bells()

    async def look() -> Look:
        raise StoreUnavailable("Postgres did not answer: it is away")

    assert [piece async for piece in stream_of(bells, RUN, look)] == [b"retry: 2000\n\n"]
    assert bells.listeners == 0


@pytest.mark.parametrize(
    ("made", "wire"),
    [
        (block("line", "{}", 3), b"id: 3\nevent: line\ndata: {}\n\n"),
        (block("end", "{}"), b"event: end\ndata: {}\n\n"),
    ],
)
def test_an_event_has_an_id_where_a_reader_may_come_back_to_it(made: bytes, wire: bytes) -> None:
    assert made == wire
