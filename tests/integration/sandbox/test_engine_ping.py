"""Whether the engine is there is known in two seconds, whatever it does, and no thread waits for it."""

import asyncio
import time
from pathlib import Path

import pytest
from airlock_agents.sandbox.docker import Containers
from airlock_agents.sandbox.ping import NoPong, ping
from airlock_chassis.breaker import Breaker, BreakerState

from .played_engine import engine_at, engine_that, saying


async def test_an_engine_that_is_well_answers() -> None:
    async with engine_that(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")) as engine:
        await ping(engine, None)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 500 No\r\n\r\n", b"\x00garbage", b"200"])
async def test_another_answer_is_none(answer: bytes) -> None:
    async with engine_that(saying(answer)) as engine:
        with pytest.raises(NoPong, match="answered"):
            await ping(engine, None)


async def test_an_engine_that_hangs_is_given_up_in_time() -> None:
    forever = asyncio.Event()

    async def hang(_: asyncio.StreamWriter) -> None:
        await forever.wait()

    async with engine_that(hang) as engine:
        began = time.monotonic()
        with pytest.raises(NoPong, match="no answer within"):
            await ping(engine, None, seconds=0.1)
        assert time.monotonic() - began < 2
        forever.set()


async def test_an_engine_that_is_not_there_opens_the_breaker_and_one_that_is_back_closes_it(
    tmp_path: Path,
) -> None:
    breaker = Breaker("docker", failures=3)
    containers = await Containers.connect(engine_at(tmp_path / "none.sock"), breaker=breaker)
    try:
        assert [await containers.ping() for _ in range(3)] == [False] * 3
        assert breaker.state is BreakerState.OPEN
        async with engine_that(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")) as engine:
            containers.engine = engine
            assert await containers.ping()
        assert breaker.closed
    finally:
        await containers.close()
