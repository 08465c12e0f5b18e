"""The engine dies in the middle: nothing it said is believed, and what stays is left to the janitor."""

import asyncio
import contextlib
import dataclasses
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from airlock_agents.sandbox.docker import Containers, EngineAway, EngineFailed
from airlock_agents.sandbox.engine import Engine
from airlock_agents.sandbox.janitor import Janitor
from airlock_agents.sandbox.outcome import Failed
from airlock_agents.sandbox.ports import SandboxSpec
from airlock_agents.sandbox.sandbox import OpenFailed
from airlock_agents.sandbox.sandboxes import Sandboxes


class Wire:
    """A unix socket in front of the engine's, to be cut like a daemon that is killed."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._real = str(engine.address.socket_path)
        self._open: set[asyncio.StreamWriter] = set()
        self._path = path
        self._is_cut = False
        self.holds = False
        """Whether questions are taken and not answered."""
        self.held = 0
        address = dataclasses.replace(engine.address, host=f"unix://{path}")
        self.engine = dataclasses.replace(engine, address=address)

    async def begin(self) -> None:
        self._server = await asyncio.start_unix_server(self._carry, str(self._path))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            # Taken and dropped: the SDK leaks a socket that is refused, and pytest minds.
            writer.transport.abort()
            return
        if self.holds:
            self._open.add(writer)
            self.held += 1
            with contextlib.suppress(OSError):
                await reader.read()
            return
        there_reader, there = await asyncio.open_unix_connection(self._real)
        self._open |= {writer, there}

        async def pump(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    to.write(data)
                    await to.drain()
                to.write_eof()

        await asyncio.gather(pump(reader, there), pump(there_reader, writer))
        for end in (writer, there):
            end.close()
            self._open.discard(end)

    def end(self) -> None:
        self._server.close()

    async def cut(self) -> None:
        self._is_cut = True
        for end in self._open:
            end.transport.abort()


@pytest.fixture
async def wire(engine: Engine) -> AsyncIterator[Wire]:
    with tempfile.TemporaryDirectory(prefix="al") as folder:
        made = Wire(engine, Path(folder) / "engine.sock")
        await made.begin()
        yield made
        await made.cut()
        made.end()


@pytest.fixture
async def behind_wire(wire: Wire) -> AsyncIterator[Containers]:
    opened = await Containers.connect(wire.engine)
    yield opened
    await opened.close()


READY = """
import sys, time
from airlock_sdk.frames import FrameWriter
FrameWriter(sys.stdout.buffer).send({"type": "ready", "protocol": "airlock/1"})
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("command", "protocol"),
    [(["sh", "-c", "echo '{}'; sleep 60"], "stdio"), (["python3", "-c", READY], "airlock/1")],
    ids=["stdio", "airlock/1"],
)
async def test_an_engine_that_dies_under_an_attempt_loses_it(
    wire: Wire,
    behind_wire: Containers,
    containers: Containers,
    install_id: str,
    host_id: str,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., Any],
    command: list[str],
    protocol: str,
) -> None:
    sandboxes = Sandboxes(behind_wire, install=install_id, host=host_id, boot="boot-1")
    sandbox = await sandboxes.open(spec_of(command, protocol))
    asking = asyncio.create_task(sandbox.invoke(request_of(None), recorder, recorder))
    await asyncio.sleep(0)
    await wire.cut()
    outcome = await asking
    await sandbox.close()
    assert isinstance(outcome, Failed)
    assert (outcome.failure.code, outcome.failure.retryable) == ("sandbox.lost", True)
    assert sandboxes.live == frozenset()

    janitor = Janitor(
        containers, install=install_id, host=host_id, boot="boot-1", live=lambda: sandboxes.live
    )
    assert await janitor.sweep() == 1


async def test_what_a_sandbox_takes_is_seen_while_its_engine_answers_nobody(
    wire: Wire, behind_wire: Containers
) -> None:
    wire.holds = True
    asking = [asyncio.create_task(behind_wire.look("nobody")) for _ in range(8)]
    async with asyncio.timeout(20):
        while wire.held < len(asking):
            await asyncio.sleep(0.01)
        assert behind_wire.counted("nobody") is None
    assert not any(task.done() for task in asking)
    await wire.cut()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(answer) for answer in answers} == {EngineAway}


async def test_without_an_engine_no_sandbox_opens_and_another_try_may(
    wire: Wire,
    behind_wire: Containers,
    install_id: str,
    host_id: str,
    spec_of: Callable[..., SandboxSpec],
) -> None:
    await wire.cut()
    sandboxes = Sandboxes(behind_wire, install=install_id, host=host_id, boot="boot-1")
    with pytest.raises(OpenFailed) as caught:
        await sandboxes.open(spec_of(["true"]))
    failure = caught.value.outcome.failure
    assert (failure.code, failure.retryable) == ("start.failed", True)


async def test_a_janitor_says_that_it_cannot_look(
    wire: Wire, behind_wire: Containers, install_id: str, host_id: str
) -> None:
    await wire.cut()
    janitor = Janitor(behind_wire, install=install_id, host=host_id, boot="b", live=frozenset)
    with pytest.raises(EngineFailed):
        await janitor.sweep()
