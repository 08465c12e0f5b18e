"""A tiny HTTP responder for processes without a web framework: /health, /health/ready, /metrics."""

import asyncio
from http import HTTPStatus

import orjson

from .fatal import Fatal
from .health import Health
from .telemetry.logs import get_logger
from .telemetry.metrics import CONTENT_TYPE, render_metrics

log = get_logger(__name__)

MAX_REQUEST_BYTES = 8 * 1024
REQUEST_SECONDS = 5.0
MAX_CONNECTIONS = 32
JSON = "application/json"


class HealthServer:
    """Answers GET and HEAD on a port (0: any free one), one request per connection."""

    def __init__(self, health: Health, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._health = health
        self._host = host
        self._wanted = port
        self._connections = 0
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that is open. Known once `open` has returned."""
        if self._server is None:
            raise RuntimeError("the health server is not open")
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self) -> None:
        """Bind the port. Raises Fatal naming a port that is taken."""
        try:
            self._server = await asyncio.start_server(
                self._serve, self._host, self._wanted, limit=MAX_REQUEST_BYTES
            )
        except OSError as error:
            raise Fatal(f"health port {self._host}:{self._wanted} cannot be opened: {error}") from error
        log.info("health.listening", address=f"{self._host}:{self.port}")

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Opens the port unless that was done."""
        if self._server is None:
            await self.open()
        try:
            await stop.wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections > MAX_CONNECTIONS:
                writer.write(_answer(503, "text/plain", b"too many connections\n"))
            else:
                async with asyncio.timeout(REQUEST_SECONDS):
                    writer.write(await self._respond(reader))
            await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a client that is slow, gone or too long gets nothing
        except Exception:
            log.exception("health.failed")
            writer.write(_answer(500, "text/plain", b"see the log\n"))
        finally:
            self._connections -= 1
            writer.close()

    async def _respond(self, reader: asyncio.StreamReader) -> bytes:
        request = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = request.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method not in ("GET", "HEAD"):
            return _answer(405, "text/plain", b"GET and HEAD only\n")
        status, kind, body = await self._page(path)
        return _answer(status, kind, body, head_only=method == "HEAD")

    async def _page(self, path: str) -> tuple[int, str, bytes]:
        if path == "/metrics":
            return 200, CONTENT_TYPE, await asyncio.to_thread(render_metrics)
        if path not in ("/health", "/health/ready", "/health/detailed"):
            return 404, "text/plain", b"there are /health, /health/ready, /health/detailed, /metrics\n"
        report = await self._health.report()
        status = 503 if path == "/health/ready" and not report.ready else 200
        return status, JSON, orjson.dumps(report.as_json(detailed=path == "/health/detailed"))


def _answer(status: int, kind: str, body: bytes, *, head_only: bool = False) -> bytes:
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode("latin-1")
    return head if head_only else head + body
