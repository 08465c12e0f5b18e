"""Everything on one machine: Postgres, NATS, the orchestration service and an agent host, in order."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from airlock_contracts.subjects import Subjects

from airlock_client.embedded import EmbeddedNats, EmbeddedPostgres
from airlock_client.embedded.errors import EmbeddedError, FolderInUse, ServerFailed
from airlock_client.embedded.server import EmbeddedServer, port_is_free

from .folder import AIRLOCK_VERSION, DataFolder, State
from .parts import Part, to_the_end
from .processes import own_name
from .readiness import wait_for_host, wait_until_ready

Say = Callable[[str], None]
"""Tells a person what happens now."""
_READY_SECONDS = 60.0
_LEFT_SECONDS = 60.0
"""How long what is left of an install that was killed gets to end; one that runs is told at once."""
_LEFT_POLL_SECONDS = 0.2
_FIRST_PAUSE = 0.5
_LAST_PAUSE = 30.0
_KEPT_VARIABLES = (
    "HOME",
    "USER",
    "XDG_RUNTIME_DIR",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "TMPDIR",
    "AIRLOCK_SLOTS",
    "AIRLOCK_DISK_RESERVE_MB",
)
"""Of our environment: what finding the Docker Engine needs, and how much of this machine to use."""
_TELEMETRY_VARIABLES = (
    "AIRLOCK_OTLP_ENDPOINT",
    "AIRLOCK_OTLP_HEADERS",
    "AIRLOCK_OTLP_HEADERS_FILE",
    "AIRLOCK_OTLP_METRICS_SECONDS",
    "AIRLOCK_TRACE_RATIO",
    "AIRLOCK_TRACES_PER_SECOND",
    # OpenTelemetry's own: what a collector asks of whoever sends to it.
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_RESOURCE_ATTRIBUTES",
)
"""Of our environment, for both processes: where what they see of themselves goes, and how."""
_PATH_VARIABLES = frozenset(
    {
        "DOCKER_CONFIG",
        "TMPDIR",
        "AIRLOCK_OTLP_HEADERS_FILE",
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    }
)
"""Of both, those that name a file or a folder: from where we were started, and the processes start in `/`."""
_LEAST_SLOTS = 4


class PortTaken(EmbeddedError):
    """The port for REST is in use."""


class Stack:
    """One install, running. `async with` brings it up and takes it down.

    `before_host` is awaited while everything else comes up, and before the host does: the images, say.
    Raises what `DataFolder.claim` raises, PortTaken, EmbeddedError, and what `before_host` raises.
    """

    def __init__(
        self,
        folder: DataFolder,
        *,
        port: int = 9002,
        say: Say,
        with_host: bool = True,
        before_host: Awaitable[object] | None = None,
        log_level: str = "INFO",
    ) -> None:
        self.folder = folder
        self.install = ""
        self.api_url = ""
        self._port = port
        self._say = say
        self._with_host = with_host
        self._before_host = before_host
        self._log_level = log_level
        self._postgres = EmbeddedPostgres(folder.path / "postgres")
        # A message is a hint: Postgres sends again what a lost disk cache swallows, so nothing waits for it.
        self._nats = EmbeddedNats(folder.path / "nats", sync_interval="2m", prefix=Subjects().prefix)
        self._orchestration: Part | None = None
        self._host: Part | None = None
        self._stopping = False
        self._started_at = datetime.now(UTC)

    async def __aenter__(self) -> Self:
        self.install = await self._claim()
        try:
            await self._start()
        except BaseException:
            await asyncio.shield(self._stop())
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(self._stop())

    def parts(self) -> dict[str, int]:
        """Process ids by name, of what runs."""
        found = {"up": os.getpid()}
        for name, part in (("orchestration", self._orchestration), ("agent-host", self._host)):
            if part is not None and part.pid is not None:
                found[name] = part.pid
        for server in (self._postgres, self._nats):
            if server.running:
                found[server.name] = server.pid
        return found

    async def watch(self) -> None:
        """Start again whatever ends by itself, after a growing pause, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for server in (self._postgres, self._nats):
                group.create_task(self._keep_server(server))
            for part in (self._orchestration, self._host):
                if part is not None:
                    group.create_task(self._keep_part(part))

    async def _claim(self) -> str:
        """Take the folder, once what is left of an install that was killed has ended: a host drains."""
        deadline = time.monotonic() + _LEFT_SECONDS
        told = False
        while True:
            try:
                return await asyncio.to_thread(self.folder.claim)
            except FolderInUse:
                if self.folder.lock.owner() is not None or time.monotonic() > deadline:
                    raise
            if not told:
                self._say("waiting for what is left of an install that was killed to end")
                told = True
            await asyncio.sleep(_LEFT_POLL_SECONDS)

    async def _start(self) -> None:
        if self._port and not port_is_free(self._port):
            raise PortTaken(f"port {self._port} is taken: choose another with --port, or 0 for a free one")
        self._say(f"install {self.install}, data folder {self.folder.path}")
        self._say("starting Postgres and NATS")
        async with asyncio.TaskGroup() as group:
            group.create_task(to_the_end(self._postgres.start))
            group.create_task(to_the_end(self._nats.start))
        self._say("starting the orchestration service")
        self._orchestration = Part(
            self.folder,
            "orchestration",
            [
                "airlock_orchestration",
                "serve",
                "--migrate",
                f"--first-keys={self.folder.admin_key.parent}",
                f"--first-name={own_name()}",
            ],
            await self._orchestration_settings(),
        )
        await self._orchestration.start()
        self.api_url = await wait_until_ready(
            self._orchestration, self.folder.path / "api-port", _READY_SECONDS
        )
        # The same one when the service has to be started again.
        self._orchestration.keep_port("AIRLOCK_API_PORT", urlsplit(self.api_url).port or self._port)
        if self._before_host is not None:
            await self._before_host
        if self._with_host:
            self._say("starting an agent host")
            self._host = Part(
                self.folder, "agent-host", ["airlock_agents", "host"], await self._host_settings()
            )
            began = datetime.now(UTC)  # this machine's clock is Postgres' clock too
            await self._host.start()
            await wait_for_host(self._host, self.api_url, self.folder.admin_key, _READY_SECONDS, since=began)
        self._publish()

    async def _orchestration_settings(self) -> dict[str, str]:
        port_file = self.folder.path / "api-port"
        port_file.unlink(missing_ok=True)
        database = await asyncio.to_thread(self.folder.secret, "database-url", self._postgres.url())
        return {
            "AIRLOCK_DATABASE_URL_FILE": str(database),
            "AIRLOCK_API_PORT": str(self._port),
            "AIRLOCK_API_PORT_FILE": str(port_file),
            "AIRLOCK_LOG_LEVEL": self._log_level,
            **_ours(_TELEMETRY_VARIABLES),
            **await self._nats_settings("orchestration"),
        }

    async def _host_settings(self) -> dict[str, str]:
        data = self.folder.path / "host"
        await asyncio.to_thread(data.mkdir, mode=0o700, exist_ok=True)
        return {
            # What may run side by side does so on a small machine too; the sandboxes share its cores.
            "AIRLOCK_SLOTS": str(max(_LEAST_SLOTS, os.cpu_count() or 1)),
            **_ours(_KEPT_VARIABLES + _TELEMETRY_VARIABLES),
            "AIRLOCK_API_URL": self.api_url,
            "AIRLOCK_HOST_TOKEN_FILE": str(self.folder.host_key),
            "AIRLOCK_INSTALL": self.install,
            "AIRLOCK_DATA_DIR": str(data),
            "AIRLOCK_LOG_LEVEL": self._log_level,
            **await self._nats_settings("host"),
        }

    async def _nats_settings(self, user: str) -> dict[str, str]:
        address = urlsplit(self._nats.url(user))  # type: ignore[arg-type]
        password = await asyncio.to_thread(self.folder.secret, f"nats-{user}", address.password or "")
        return {
            "AIRLOCK_NATS_URL": f"nats://{address.hostname}:{address.port}",
            "AIRLOCK_NATS_USER": address.username or "",
            "AIRLOCK_NATS_PASSWORD_FILE": str(password),
        }

    async def _keep_server(self, server: EmbeddedServer) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping:
            how = await server.ended()
            if self._stopping:
                return
            self._say(f"{server.name} {how}; starting it again")
            await asyncio.sleep(pause)
            pause = min(_LAST_PAUSE, 2 * pause)
            try:
                await to_the_end(server.start)
            except ServerFailed as error:
                self._say(str(error))
                continue
            self._publish()

    async def _keep_part(self, part: Part) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping:
            how = await part.ended()
            if self._stopping:
                return
            self._say(f"{part.name} {how}; starting it again (its log: {part.log})")
            await asyncio.sleep(pause)
            pause = min(_LAST_PAUSE, 2 * pause)
            await part.start()
            self._publish()

    def _publish(self) -> None:
        self.folder.publish(
            State(
                version=AIRLOCK_VERSION,
                install=self.install,
                pid=os.getpid(),
                api_url=self.api_url,
                started_at=self._started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                parts=self.parts(),
            )
        )

    async def _stop(self) -> None:
        self._stopping = True
        steps: Sequence[Part | None] = (self._host, self._orchestration)
        for part in steps:
            if part is not None:
                await part.stop()
        await asyncio.gather(asyncio.to_thread(self._nats.stop), asyncio.to_thread(self._postgres.stop))
        await asyncio.to_thread(self.folder.release)


def _ours(variables: Sequence[str]) -> dict[str, str]:
    """Those of them that our own environment has, paths made absolute; an empty one counts as not set."""
    given = {name: os.environ[name] for name in variables if os.environ.get(name)}
    return {
        name: str(Path(value).absolute()) if name in _PATH_VARIABLES else value
        for name, value in given.items()
    }
