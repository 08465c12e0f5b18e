"""Bodies are counted while they come: what is announced is believed only where it is too much."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from airlock_contracts.artifacts import MAX_ARTIFACT_BYTES
from api_served import Served

KIB = 1024
DIGEST = "0" * 64
NOBODY = UUID(int=7)
BODIES = {
    "manifest": ("POST", "/api/agents", 1024 * KIB),
    "workflow": ("POST", "/api/workflows", 1024 * KIB),
    "trigger": ("POST", "/api/workflows/chain/trigger", 512 * KIB),
    "decision": ("POST", f"/api/approvals/{NOBODY}/decision", 64 * KIB),
    "cancel": ("POST", f"/api/runs/{NOBODY}/cancel", 64 * KIB),
}
SLACK = 4096 * KIB
"""What the sockets between us hold: beyond it nobody has read what was sent."""


class Line:
    """A connection that is spoken to byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        self.reader, self.writer, self.key = reader, writer, key

    async def begin(self, method: str, path: str, *headers: str) -> None:
        """Send the head of a request."""
        lines = [f"{method} {path} HTTP/1.1", "Host: airlock", f"X-API-Key: {self.key}", *headers]
        self.writer.write("\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode())
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        """Send a chunk; an empty one is the last."""
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, Any]]:
        """The status and the body of the next answer."""
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            return int(head.split()[1]), json.loads(await self.reader.readexactly(length))


@asynccontextmanager
async def line(served: Served) -> AsyncIterator[Line]:
    host, _, port = served.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Line(reader, writer, served.rig.admin_key)
    finally:
        writer.close()


@pytest.mark.parametrize("kind", BODIES)
async def test_a_body_without_a_length_is_refused_once_it_is_too_much(served_api: Served, kind: str) -> None:
    method, path, limit = BODIES[kind]
    async with line(served_api) as spoken:
        await spoken.begin(method, path, "Transfer-Encoding: chunked")
        answered = asyncio.create_task(spoken.answer())
        sent = 0
        while not answered.done() and sent < limit + SLACK:
            await spoken.chunk(b" " * 16 * KIB)
            sent += 16 * KIB
            await asyncio.sleep(0)
        status, problem = await answered
        assert (status, problem["code"]) == (413, "request.too_large")
        assert problem["details"]["limit"] == limit
        assert limit < sent <= limit + SLACK
        await spoken.chunk(b"")  # who ends what they began can go on, on the same connection
        await spoken.begin("GET", "/api/hosts")
        assert (await spoken.answer())[0] == 200


@pytest.mark.parametrize("kind", BODIES)
async def test_a_body_that_announces_too_much_is_refused_unread(served_api: Served, kind: str) -> None:
    method, path, limit = BODIES[kind]
    async with line(served_api) as spoken:
        await spoken.begin(method, path, f"Content-Length: {limit + 1}")
        status, problem = await spoken.answer()
        assert (status, problem["code"]) == (413, "request.too_large")


async def test_an_artifact_that_announces_too_much_is_refused_unread(served_api: Served) -> None:
    async with line(served_api) as spoken:
        await spoken.begin("PUT", f"/api/artifacts/{DIGEST}", f"Content-Length: {MAX_ARTIFACT_BYTES + 1}")
        status, problem = await spoken.answer()
        assert (status, problem["code"]) == (413, "artifact.too_large")


async def test_a_body_longer_than_it_announced_ends_where_it_said(served_api: Served) -> None:
    async with line(served_api) as spoken:
        await spoken.begin("POST", f"/api/runs/{NOBODY}/cancel", "Content-Length: 2")
        spoken.writer.write(b"{}" + b"x" * 100)
        status, problem = await spoken.answer()
        assert (status, problem["code"]) == (404, "run.unknown")


async def test_a_body_shorter_than_it_announced_is_not_taken_for_whole(served_api: Served) -> None:
    spec = json.dumps({"name": "cut", "nodes": [{"id": "a", "agent": "echo", "action": "say"}]}).encode()
    async with line(served_api) as spoken:
        await spoken.begin("POST", "/api/workflows", f"Content-Length: {len(spec) + 1}")
        spoken.writer.write(spec)
        await spoken.writer.drain()
        spoken.writer.write_eof()
        assert await spoken.reader.read() == b""
    async with line(served_api) as spoken:
        await spoken.begin("GET", "/api/workflows/cut")
        assert (await spoken.answer())[0] == 404


async def test_a_slow_body_holds_up_nobody_else(served_api: Served) -> None:
    async with line(served_api) as slow, line(served_api) as other:
        await slow.begin("POST", f"/api/runs/{NOBODY}/cancel", "Transfer-Encoding: chunked")
        await slow.chunk(b"{")
        await other.begin("GET", "/api/hosts")
        assert (await other.answer())[0] == 200
        await slow.chunk(b"}")
        await slow.chunk(b"")
        assert (await slow.answer())[0] == 404
