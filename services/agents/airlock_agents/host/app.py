"""The agent host, put together: what there is, in which order it starts and stops."""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from airlock_chassis.bus import (
    AckTable,
    Bus,
    BusUnavailable,
    Consumer,
    DeadLetters,
    EachMessage,
    Layout,
    LayoutMismatch,
    NoAnswer,
    Publisher,
    Streams,
)
from airlock_chassis.fatal import Fatal
from airlock_chassis.health import Health
from airlock_chassis.health_server import HealthServer
from airlock_chassis.supervisor import Supervisor
from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.breakers import told_breaker
from airlock_chassis.telemetry.logs import bind_process, get_logger
from airlock_contracts.messages import HeartbeatRequest, HeldAttempt
from airlock_contracts.subjects import Subjects

from ..sandbox.docker import Containers, EngineFailed
from ..sandbox.engine import Engine, EngineProblem, find_engine
from ..sandbox.janitor import Janitor
from ..sandbox.policy import HostLimits
from ..sandbox.sandboxes import Sandboxes
from ..settings import Settings
from .api import Api, ApiAway
from .artifact_cache import ArtifactCache
from .attempts import Attempts, Parts
from .capacity import Memory
from .claims import Claims
from .control import Control
from .disks import Disks
from .gauges import Gauges
from .holdings import Holdings
from .identity import Identity
from .images import Images
from .leases import Leases
from .logs import Logs
from .registrations import Registrations
from .reporter import Reporter
from .runner import Runner, ids_of, keep_alive
from .spool import Spool
from .watch import Watch

log = get_logger(__name__)

START_SECONDS = 7.0
"""For NATS, REST and the Docker Engine to answer at the start, side by side."""
RETRY_SECONDS = 0.5
REST_SECONDS, MOST_REST_SECONDS = 2.0, 30.0
"""How long a neighbour that does not answer is left alone, at first and at most."""
SILENT_SECONDS = 20.0
"""Without an answer to a heartbeat for this long, a health check says so."""


async def serve(settings: Settings, identity: Identity, environ: Mapping[str, str]) -> int:
    """Run the host until it is asked to stop; answers the exit code. Raises Fatal at the start.

    `environ` says where the Docker Engine is, in the words that the `docker` command knows.
    """
    bind_process(host=identity.host)
    async with AsyncExitStack() as stack:
        # In a thread: it reads certificates.
        rest = told_breaker("api", rest_seconds=REST_SECONDS, most_seconds=MOST_REST_SECONDS)
        token = settings.host_token.get_secret_value()
        api = await asyncio.to_thread(Api, settings.api_url, token, breaker=rest)
        stack.push_async_callback(api.close)
        bus = Bus(settings.bus_options(f"host {identity.host}"))
        stack.push_async_callback(bus.close)
        engine, *_ = await _all_or_first_problem(
            asyncio.to_thread(find_engine, environ, Path.home()), _open_bus(bus), _check_api(api)
        )
        assert isinstance(engine, Engine)
        docker = told_breaker("docker", rest_seconds=REST_SECONDS, most_seconds=MOST_REST_SECONDS)
        containers = await Containers.connect(engine, threads=settings.docker_threads, breaker=docker)
        metrics.docker_up.set(1)
        stack.push_async_callback(containers.close)
        log.info("docker.found", address=engine.address.host, engine_version=engine.version)
        return await _Host(settings, identity, bus, api, containers).run()


async def _all_or_first_problem(*starts: Awaitable[object]) -> list[object]:
    """What all of them answer; Fatal with one line for the first that fails."""
    tasks = [asyncio.ensure_future(start) for start in starts]
    try:
        return list(await asyncio.gather(*tasks))
    except (EngineProblem, BusUnavailable) as problem:
        raise Fatal(str(problem)) from problem
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _open_bus(bus: Bus) -> None:
    await bus.open(timeout=START_SECONDS)


async def _check_api(api: Api) -> None:
    """REST may start beside us: it is asked for some seconds."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            async with asyncio.timeout(max(0.1, until - time.monotonic())):
                return await api.check()
        except (ApiAway, TimeoutError) as error:
            reason = str(error) or "no answer"
            if time.monotonic() + RETRY_SECONDS >= until:
                raise Fatal(
                    f"REST at {api.url} does not answer within {START_SECONDS:g} s: {reason}"
                ) from error
        await asyncio.sleep(RETRY_SECONDS)


class _Host:
    """The parts of one running host."""

    def __init__(
        self, settings: Settings, identity: Identity, bus: Bus, api: Api, containers: Containers
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._bus = bus
        self._containers = containers
        self._api = api
        host, data = identity.host, settings.data_dir
        subjects = Subjects(settings.subject_prefix)
        layout = Layout(subjects, replicas=settings.nats_replicas)
        # The streams are orchestration's to make, and a host has no right to; its pool's consumer is its own.
        self._streams = Streams(bus, ())
        publisher = Publisher(bus, self._streams)
        install, boot = identity.install, identity.boot
        limits = host_limits(settings)
        sandboxes = Sandboxes(containers, install=install, host=host, boot=boot, limits=limits)
        self._janitor = Janitor(
            containers, install=install, host=host, boot=boot, live=lambda: sandboxes.live
        )
        self._spool = Spool(data / "reports")
        self._cache = ArtifactCache(
            data / "artifacts", api.get_artifact, max_bytes=settings.artifact_cache_mb * 1024 * 1024
        )
        self._disks = Disks(data, containers.engine.root, reserve_mb=settings.disk_reserve_mb)
        self._images = Images(containers)
        self._holdings = Holdings()
        self._reporter = Reporter(publisher, subjects, self._spool, self._holdings, host=host)
        self._logs = Logs(bus, subjects, host=host)
        memory = Memory(settings.memory_mb)
        self._gauges = Gauges(
            slots=settings.slots,
            memory=memory,
            holdings=self._holdings,
            sandboxes=lambda: len(sandboxes.live),
            nats=lambda: bus.connected,
        )
        attempts = Attempts(
            Parts(
                registrations=Registrations(api.agent_version),
                images=self._images,
                memory=memory,
                limits=limits,
                cache=self._cache,
                api=api,
                claims=Claims(bus, subjects, host=host),
                logs=self._logs,
                containers=containers,
                sandboxes=sandboxes,
            )
        )
        runner = Runner(attempts, self._holdings, self._reporter, subjects, host=host)
        self._consumer = Consumer(
            bus,
            self._streams,
            layout.pool_consumer(identity.pool),
            EachMessage(runner.handle, max_in_flight=settings.slots, settles_itself=True),
            AckTable(DeadLetters(publisher, subjects), about=lambda message: ids_of(message, subjects)),
            free=self._room,
        )
        self._leases = Leases(
            bus,
            subjects,
            self._holdings,
            self._reporter,
            self._describe,
            period_seconds=settings.heartbeat_seconds,
        )
        self._control = Control(bus, subjects, self._holdings, containers, pool=identity.pool)
        self._health = Health("agent-host", identity.version)
        self._supervisor = Supervisor(self._health, drain_seconds=settings.drain_seconds)

    async def run(self) -> int:
        """Clear up what earlier boots left, then work until the end."""
        await asyncio.to_thread(self._spool.open)
        await asyncio.to_thread(self._cache.open)
        await self._disks.open()
        try:
            await self._streams.declare(self._consumer.spec)
            removed = await self._janitor.sweep()
        except (NoAnswer, LayoutMismatch, EngineFailed) as error:
            raise Fatal(str(error)) from error
        log.info(
            "host.starting",
            boot=self._identity.boot,
            install=self._identity.install,
            pool=self._identity.pool,
            slots=self._settings.slots,
            memory_mb=self._settings.memory_mb,
            sandboxes_removed=removed,
        )
        server = HealthServer(self._health, host=self._settings.health_host, port=self._settings.health_port)
        await server.open()
        self._add_checks()
        await self._reporter.restore()
        add = self._supervisor.add
        add("invocations", self._consumer.run)
        add("heartbeats", self._leases.run, stage=1, restartable=True)
        add("control", self._control.run, stage=1, restartable=True)
        add("keep-alive", lambda stop: keep_alive(self._holdings, stop), stage=1, restartable=True)
        add("logs", self._logs.run, stage=1, restartable=True)
        add("janitor", self._clean_up, stage=1, restartable=True)
        add("disks", self._disks.run, stage=1, restartable=True)
        add("gauges", self._gauges.run, stage=1, restartable=True)
        watched = Watch(self._containers.breaker, self._ask_engine, always=True)
        add("engine-watch", watched.run, stage=1, restartable=True)
        add("api-watch", Watch(self._api.breaker, self._api.ask).run, stage=1, restartable=True)
        add("health", server.run, stage=2)
        add("bus", self._bus.run, stage=3)
        return await self._supervisor.run()

    def _room(self) -> int:
        """How many attempts there is room for, to pull no more."""
        able = self._containers.breaker.closed and not self._disks.short
        return self._holdings.room() if able else 0

    def _describe(self, held: list[HeldAttempt]) -> HeartbeatRequest:
        return HeartbeatRequest(
            host=self._identity.host,
            boot=self._identity.boot,
            pool=self._identity.pool,
            version=self._identity.version,
            slots=self._settings.slots,
            busy=len(self._holdings.running),
            memory_mb=self._settings.memory_mb,
            draining=self._supervisor.stopping,
            missing_images=self._images.missing(),
            held=held,
            at=datetime.now(UTC),
        )

    async def _ask_engine(self) -> None:
        metrics.docker_up.set(await self._containers.ping())

    def _add_checks(self) -> None:
        async def nats() -> str:
            await self._bus.flush(1.0)
            return "pulling" if self._consumer.pulling else "connected"

        async def docker() -> str:
            if not self._containers.breaker.closed:
                raise EngineFailed("the Docker Engine does not answer; nothing is pulled meanwhile")
            found = await self._containers.of_install(self._identity.install)
            return f"{len(found)} containers"

        async def orchestration() -> str:
            answered = self._leases.answered_at
            if answered is None or time.monotonic() - answered > SILENT_SECONDS:
                raise NoAnswer("heartbeats are not answered")
            return f"{len(self._holdings.running)} running, {len(self._holdings.reports)} reports kept"

        async def disk() -> str:
            return self._disks.check()

        self._health.add("nats", nats)
        self._health.add("disk", disk)
        self._health.add("docker", docker)
        self._health.add("orchestration", orchestration, required=False)

    async def _clean_up(self, stop: asyncio.Event) -> None:
        sweeping = asyncio.create_task(self._janitor.run(lambda: self._leases.gone_hosts))
        try:
            await stop.wait()
        finally:
            sweeping.cancel()
            await asyncio.wait({sweeping})


def host_limits(settings: Settings) -> HostLimits:
    """The most that one sandbox gets: never more memory than all of them together may have."""
    return HostLimits(
        memory_mb=min(settings.sandbox_memory_mb, settings.memory_mb),
        cpus=settings.sandbox_cpus,
        pids=settings.sandbox_pids,
        scratch_mb=settings.sandbox_scratch_mb,
    )
