"""Waiting for an agent host: one that was killed before is still listed as UP, and is not it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airlock_client.local.readiness import wait_for_host

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Started:
    """A part that runs, and has a log."""

    name = "agent-host"
    log = Path("/dev/null")

    def check(self) -> None:
        """It has not ended."""


def host(name: str, started_at: datetime) -> dict[str, Any]:
    return {"name": name, "status": "UP", "started_at": started_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


@asynccontextmanager
async def listing(*answers: list[dict[str, Any]]) -> AsyncIterator[str]:
    """An HTTP server that answers one list of hosts after the other, the last one for good."""
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"items": left.pop(0) if len(left) > 1 else left[0]}).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_host_of_before_is_not_the_one_that_was_started(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("airlock_key\n")
    before = host("host", NOW - timedelta(seconds=20))
    after = host("host", NOW + timedelta(seconds=1))
    other = host("other", NOW - timedelta(days=1))
    async with listing([before, other], [before, other], [after, other]) as url:
        part: Any = Started()
        found = await wait_for_host(part, url, key, 10.0, since=NOW)
        assert found == "host"
