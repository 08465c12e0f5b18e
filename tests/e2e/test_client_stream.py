"""Following a run through a bad line: every event once, in order, whatever the network does meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from airlock_client.client import AirlockClient
from airlock_contracts.events import Event, EventType
from e2e_install import Install

AWAY_SECONDS = 3.0


class Line:
    """A TCP line to the service that can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Nobody answers any more, and what was open is reset."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writers.clear()
        self._tasks.clear()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, there_writer}
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            self._tasks.add(asyncio.create_task(_pump(source, sink)))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65536):
            sink.write(piece)
            await sink.drain()
    except ConnectionError:
        pass  # cut
    finally:
        sink.close()


@asynccontextmanager
async def line_to(install: Install) -> AsyncIterator[Line]:
    line = Line(urlsplit(install.stack.api_url).port or 0)
    await line.open()
    try:
        yield line
    finally:
        await line.cut()


async def test_a_cut_line_costs_no_event_and_repeats_none(install: Install, module_key: str) -> None:
    nodes: list[dict[str, Any]] = [{"id": "a"}, {"id": "b", "depends_on": ["a"], "inputs": {"seconds": 1.5}}]
    run = await install.start("stream-cut", [*nodes, {"id": "c", "depends_on": ["b"]}])
    away = {1: AWAY_SECONDS, 4: 0.1}
    events: list[Event] = []
    async with (
        line_to(install) as line,
        asyncio.TaskGroup() as group,
        AirlockClient(f"http://127.0.0.1:{line.port}", module_key) as client,
    ):
        async for event in client.events(run):
            events.append(event)
            if (seconds := away.get(len(events))) is not None:
                await line.cut()
                group.create_task(_open_after(line, seconds))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].type is EventType.RUN_FINISHED
    rows = await install.rows("SELECT count(*) AS count FROM events WHERE run_id = $1::uuid", run)
    assert rows[0]["count"] == len(events)


async def _open_after(line: Line, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await line.open()
