"""What an engine tells of a kill for memory after the end of the container, and when it does not."""

import asyncio
from datetime import UTC, datetime

import pytest
from airlock_agents.sandbox.docker import Containers, EngineFailed
from airlock_agents.sandbox.events import told_of_kill
from airlock_agents.sandbox.link import Refused

from .played_engine import engine_that, saying

NOW = datetime.now(UTC)
EVENTS = b"GET /v1.41/events?"


async def test_an_engine_that_tells_of_nothing_knows_of_no_kill() -> None:
    async with engine_that(saying(b"HTTP/1.0 200 OK\r\n\r\n"), asked=EVENTS) as engine:
        assert not await told_of_kill(engine, None, "c1", since=NOW, until=NOW)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 500 No\r\n\r\n{}", b"\x00garbage", b"200\r\n\r\n{}"])
async def test_another_answer_is_none(answer: bytes) -> None:
    async with engine_that(saying(answer), asked=EVENTS) as engine:
        with pytest.raises(Refused):
            await told_of_kill(engine, None, "c1", since=NOW, until=NOW)


async def test_an_engine_that_never_stops_telling_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch, containers: Containers
) -> None:
    forever = asyncio.Event()

    async def hang(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
        await forever.wait()

    monkeypatch.setattr("airlock_agents.sandbox.docker._ANSWER_SECONDS", 0.1)
    state = {"StartedAt": "2026-01-01T00:00:00.123456789Z", "FinishedAt": "2026-01-01T00:00:01Z"}
    async with engine_that(hang, asked=EVENTS) as hung:
        monkeypatch.setattr(containers._client, "inspect_container", lambda _: {"State": state})
        containers.engine = hung
        with pytest.raises(EngineFailed, match="events"):
            await containers.killed_for_memory("c1")
        forever.set()
