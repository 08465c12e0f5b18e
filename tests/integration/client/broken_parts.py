"""Parts of a running install, broken for real: Postgres, NATS, hosts and REST as doctor may find them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncpg
from airlock_chassis.bus import Bus
from airlock_chassis.bus.layout import Layout
from airlock_chassis.bus.streams import Streams
from airlock_client.local.folder import AIRLOCK_VERSION
from airlock_contracts.messages import HeartbeatRequest
from airlock_contracts.subjects import Subjects

LAYOUT = Layout(Subjects())
LATE = (b'"timestamp":"%d', b'"seen_at":"%d')
"""How times begin that are by the service's clock; it is a thousand years behind."""


class Parts:
    """How to reach the parts of an install, past REST."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.database_url = (data / "secrets" / "database-url").read_text().strip()
        self._password = data / "secrets" / "nats-orchestration"
        port = (data / "nats" / "port").read_text().strip()
        self._nats = f"127.0.0.1:{port}"
        self.state: dict[str, Any] = json.loads((data / "airlock.json").read_text())

    @property
    def api_url(self) -> str:
        """Where REST is."""
        return str(self.state["api_url"])

    def variables(self, database_url: str | None = None) -> dict[str, str]:
        """What an orchestration process of this install would be given."""
        return {
            "AIRLOCK_DATABASE_URL": database_url or self.database_url,
            "AIRLOCK_NATS_URL": f"nats://{self._nats}",
            "AIRLOCK_NATS_USER": "orchestration",
            "AIRLOCK_NATS_PASSWORD_FILE": str(self._password),
        }

    async def sql(self, statement: str, *values: object) -> Any:
        """Run a statement; answers its first value."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[Bus]:
        """A line to NATS that may do everything."""
        url = f"nats://orchestration:{self._password.read_text().strip()}@{self._nats}"
        async with await Bus.connect(url, name="breaker") as bus:
            yield bus

    async def publish(self, subject: str) -> None:
        """Send something to a stream."""
        async with self.bus() as bus:
            await bus.jetstream.publish(subject, b"{}")

    async def forget(self, subject: str) -> None:
        """Nothing waits on a subject any more."""
        async with self.bus() as bus:
            await Streams(bus, LAYOUT.streams).purge(LAYOUT.invocations.name, subject)

    async def mend_streams(self) -> None:
        """Make every stream, and the consumer of a pool, as they should be."""
        async with self.bus() as bus:
            await Streams(bus, LAYOUT.streams).declare(LAYOUT.pool_consumer("default"))

    async def break_streams(self) -> None:
        """Take one stream away, and change another behind our back."""
        async with self.bus() as bus:
            await bus.jetstream.delete_stream(LAYOUT.dead_letters.name)
            config = (await bus.jetstream.stream_info(LAYOUT.invocations.name)).config
            await bus.jetstream.update_stream(config.evolve(max_bytes=1024 * 1024))

    async def beat(self, **changes: Any) -> None:
        """A host says that all is well with it, but for what is changed."""
        fields: dict[str, Any] = {
            "host": "elsewhere",
            "boot": "1",
            "pool": "default",
            "version": AIRLOCK_VERSION,
            "slots": 1,
            "busy": 0,
            "memory_mb": 1024,
            "at": datetime.now(UTC),
        }
        async with self.bus() as bus:
            heartbeat = HeartbeatRequest.model_validate(fields | changes)
            await bus.request(LAYOUT.subjects.heartbeat, heartbeat.encode(), timeout=10)

    @contextmanager
    def beating(self, **changes: Any) -> Iterator[None]:
        """A host says so every other second, however long one looks."""
        enough = threading.Event()

        def beat() -> None:
            while not enough.is_set():
                asyncio.run(self.beat(**changes))
                enough.wait(2)

        asyncio.run(self.beat(**changes))
        thread = threading.Thread(target=beat)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()

    async def database_an_hour_ahead(self) -> str:
        """Make a database on the same server, whose sessions hear another time; answers its address."""
        await self.sql("CREATE DATABASE ahead")
        url = self.database_url.rpartition("/")[0] + "/ahead"
        connection = await asyncpg.connect(url)
        await connection.execute(
            "CREATE SCHEMA ahead; CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
            "AS $$ SELECT pg_catalog.clock_timestamp() + interval '1 hour' $$; "
            "ALTER DATABASE ahead SET search_path = ahead, pg_catalog, public"
        )
        await connection.close()
        return url


def get(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of an answer, whatever it is."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def until_told(url: str, words: str, *, path: str = "/metrics", seconds: float = 40) -> None:
    """Wait until the service says so."""
    until = time.monotonic() + seconds
    said = ""
    while words not in said:
        assert time.monotonic() < until, said
        time.sleep(0.2)
        with suppress(OSError):
            said = get(url + path)[1].decode()


@contextmanager
def late_and_reticent(url: str) -> Iterator[str]:
    """REST behind a proxy that keeps /metrics to itself, of an install whose clocks are all far behind."""

    class Relay(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = 404, b"nothing to see here"
            if self.path != "/metrics":
                status, body = get(url + self.path, dict(self.headers))
            for told in LATE:
                body = body.replace(told % 2, told % 1)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Relay) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
