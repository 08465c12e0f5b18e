"""A body that stops coming, drips, or comes when too many do, is refused in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest
from airlock_orchestration.api import documents
from airlock_orchestration.api.documents import MAX_DOCUMENT_BYTES, pieces, read_body
from airlock_orchestration.errors import BodyTooLarge, InvalidRequest, StoreUnavailable
from airlock_orchestration.operations import artifacts
from airlock_orchestration.operations.artifacts import Artifacts, Putter
from airlock_orchestration.store.sessions import Sessions
from fastapi import Request


def request(
    sent: Sequence[bytes], *, pause: float = 0.0, headers: Sequence[tuple[bytes, bytes]] = ()
) -> Request:
    """A request whose body comes in these pieces and then no more, without an end."""
    waiting = list(sent)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": waiting.pop(0), "more_body": True}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": list(headers)}
    return Request(scope, receive)


async def test_a_body_that_stops_coming_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_IDLE_SECONDS", 0.05)
    with pytest.raises(InvalidRequest, match="stopped coming"):
        await read_body(request([b"a", b"b"]), 100)


async def test_a_body_that_drips_is_refused_when_its_time_is_over() -> None:
    async def all_of(body: AsyncIterator[bytes]) -> None:
        async for _ in body:
            pass

    with pytest.raises(InvalidRequest, match="took longer"):
        await all_of(pieces(request([b"a"] * 1000, pause=0.01), 0.1))


async def test_a_body_is_refused_with_the_piece_that_is_too_much() -> None:
    with pytest.raises(BodyTooLarge):
        await read_body(request([b"x" * 600] * 2), 1000)


async def test_a_body_that_announces_too_much_is_not_read_at_all() -> None:
    announced = [(b"content-length", str(MAX_DOCUMENT_BYTES + 1).encode())]
    with pytest.raises(BodyTooLarge):
        await read_body(request([], headers=announced), MAX_DOCUMENT_BYTES)


async def test_one_upload_too_many_waits_its_turn_and_then_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_TURN_SECONDS", 0.05)
    keeper = Artifacts(cast(Sessions, None), max_uploads=1)
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        begun.set()
        await asyncio.Event().wait()
        yield b""

    first = asyncio.create_task(
        keeper.put("0" * 64, endless(), media_type="text/plain", putter=Putter("default", "alice"))
    )
    await begun.wait()
    with pytest.raises(StoreUnavailable):
        await keeper.put("0" * 64, endless(), media_type="text/plain", putter=Putter("default", "bob"))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    begun.clear()
    second = asyncio.create_task(
        keeper.put("0" * 64, endless(), media_type="text/plain", putter=Putter("default", "bob"))
    )
    await asyncio.wait_for(begun.wait(), 20)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
