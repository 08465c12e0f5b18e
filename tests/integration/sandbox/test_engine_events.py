"""What an engine tells of a kill for memory after the end of the container, and when it does not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from airlock_agents.sandbox.cgroup import Counted
from airlock_agents.sandbox.docker import Containers, EngineFailed
from airlock_agents.sandbox.engine import Engine
from airlock_agents.sandbox.events import EventsRefused, told_of_kill
from airlock_agents.sandbox.outcome import Ended, Failed
from airlock_agents.sandbox.ports import SandboxRequest, SandboxSpec
from airlock_agents.sandbox.sandboxes import Sandboxes

from .played_engine import engine_that, saying

NOW = datetime.now(UTC)
EVENTS = b"GET /v1.41/events?"


class Hasty(Containers):
    """A real engine that wrote down each end before it heard of the kill, and a kernel that nobody sees."""

    refuses = False

    def counted(self, container: str) -> Counted | None:
        return None

    async def look(self, container: str) -> Ended | None:
        ended = await super().look(container)
        return ended and Ended(ended.exit_code, oom_killed=False)

    async def killed_for_memory(self, container: str) -> bool:
        if self.refuses:
            raise EngineFailed("events: no")
        return await super().killed_for_memory(container)


@asynccontextmanager
async def hasty(engine: Engine) -> AsyncIterator[Hasty]:
    opened = await Hasty.connect(engine)
    assert isinstance(opened, Hasty)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.mark.parametrize(
    ("code", "refuses", "found"),
    [
        ("bytearray(200 << 20)", False, "memory.exceeded"),
        ("bytearray(200 << 20)", True, "sandbox.lost"),
        ("import os; os.kill(os.getpid(), 9)", False, "sandbox.lost"),
    ],
)
@pytest.mark.parametrize("protocol", ["stdio", "airlock/1"])
async def test_a_kill_that_the_engine_tells_of_too_late_counts(
    engine: Engine,
    install_id: str,
    host_id: str,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
    protocol: str,
    code: str,
    refuses: bool,
    found: str,
) -> None:
    async with hasty(engine) as containers:
        containers.refuses = refuses
        sandboxes = Sandboxes(containers, install=install_id, host=host_id, boot="boot-1")
        spec = spec_of(["python3", "-c", code], protocol, memory_mb=32)
        outcome = await sandboxes.run(spec, request_of(None), recorder, recorder)
    assert isinstance(outcome, Failed)
    assert outcome.failure.code == found, outcome


async def test_an_engine_that_tells_of_nothing_knows_of_no_kill() -> None:
    async with engine_that(saying(b"HTTP/1.0 200 OK\r\n\r\n"), asked=EVENTS) as engine:
        assert not await told_of_kill(engine, None, "c1", since=NOW, until=NOW)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 500 No\r\n\r\n{}", b"\x00garbage", b"200\r\n\r\n{}"])
async def test_another_answer_is_none(answer: bytes) -> None:
    async with engine_that(saying(answer), asked=EVENTS) as engine:
        with pytest.raises(EventsRefused):
            await told_of_kill(engine, None, "c1", since=NOW, until=NOW)


async def test_an_engine_that_never_stops_telling_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    forever = asyncio.Event()

    async def hang(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
        await forever.wait()

    monkeypatch.setattr("airlock_agents.sandbox.docker._ANSWER_SECONDS", 0.1)
    state = {"StartedAt": "2026-01-01T00:00:00.123456789Z", "FinishedAt": "2026-01-01T00:00:01Z"}
    async with hasty(engine) as containers, engine_that(hang, asked=EVENTS) as hung:
        monkeypatch.setattr(containers._client, "inspect_container", lambda _: {"State": state})
        containers.engine = hung
        with pytest.raises(EngineFailed, match="events"):
            await containers.killed_for_memory("c1")
        forever.set()
