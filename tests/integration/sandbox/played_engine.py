"""Somebody who sits behind an engine's socket and is none."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from airlock_agents.sandbox.engine import Engine, EngineAddress

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def engine_that(answer: Answer, *, asked: bytes = b"GET /_ping ") -> AsyncIterator[Engine]:
    """An engine's socket, behind which somebody else sits; every request must begin so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(asked)
        await answer(writer)
        writer.close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "docker.sock"
        server = await asyncio.start_unix_server(serve, path)
        try:
            yield engine_at(path)
        finally:
            server.close()


def engine_at(path: Path) -> Engine:
    address = EngineAddress(host=f"unix://{path}", said_by="a test")
    return Engine(address=address, version="1", api_version="1.41", architecture="x", processors=1)


def saying(answer: bytes) -> Answer:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return say
