"""Whoever calls REST says what program it is, so that a run's trigger can be told from others."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

import pytest
from airlock_client.client import AirlockClient
from airlock_client.errors import UnexpectedAnswer
from airlock_client.exits import Exit
from airlock_contracts.callers import CLIENT, COMMAND_LINE, trigger_kind

Call = Callable[[str], Awaitable[object]]


async def by_the_command(url: str) -> None:
    given = {**os.environ, "AIRLOCK_URL": url, "AIRLOCK_KEY": "airlock_secret"}
    command = (sys.executable, "-m", "airlock_client", "run", "good")
    process = await asyncio.create_subprocess_exec(
        *command, env=given, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == Exit.ERROR


async def by_the_library(url: str) -> None:
    async with AirlockClient(url, "airlock_secret") as client:
        with pytest.raises(UnexpectedAnswer):
            await client.trigger("good", {})


@pytest.mark.parametrize(
    ("call", "name", "kind"), [(by_the_command, COMMAND_LINE, "cli"), (by_the_library, CLIENT, "api")]
)
async def test_a_program_names_itself_and_so_the_kind_of_its_triggers(
    call: Call, name: str, kind: str
) -> None:
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await call(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    said = dict(line.lower().split(": ", 1) for head in heads for line in head.splitlines() if ": " in line)
    assert said["user-agent"] == name
    assert trigger_kind(said["user-agent"]) == kind


@pytest.mark.parametrize("name", ["", "curl/8.5.0", "airlock-cli-of-mine", "Mozilla/5.0 airlock-cli/1"])
def test_any_other_program_triggers_by_the_api(name: str) -> None:
    assert trigger_kind(name) == "api"
    assert trigger_kind(f"{COMMAND_LINE}/9.9") == "cli"
