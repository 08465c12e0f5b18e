"""Puts the orchestration process together: Postgres, NATS, the door, the workers, REST."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path as FilePath
from typing import Any

import uvicorn
from airlock_chassis.bus import (
    AckTable,
    Bus,
    BusUnavailable,
    Consumer,
    DeadLetters,
    EachMessage,
    Layout,
    NoAnswer,
    Publisher,
    Streams,
)
from airlock_chassis.fatal import Fatal
from airlock_chassis.health import Health as ChassisHealth
from airlock_chassis.supervisor import Supervisor
from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.logs import get_logger
from airlock_contracts.messages import ImageReply, ImageRequest, MalformedMessage
from airlock_contracts.subjects import Subjects
from fastapi import FastAPI
from limits.aio.strategies import MovingWindowRateLimiter

from .api import build_api
from .api.dependencies import Dependencies, Limits
from .operations.advance import Door
from .operations.approvals import Approvals
from .operations.artifacts import Artifacts
from .operations.bells import Bells
from .operations.clock import PostgresClock
from .operations.entries import Committed
from .operations.health import SERVICE, VERSION, Health
from .operations.heartbeats import Heartbeats
from .operations.keys import KeyRing
from .operations.reports import Reports
from .operations.runs import Runs
from .operations.sweep import Sweep
from .settings import Settings
from .store.database import Database, DatabaseUnavailable
from .store.migrate import SchemaTooNew, SchemaTooOld, check_current
from .store.path import Path
from .store.plans import PlanCache
from .store.rates import RateStorage
from .store.sessions import Sessions
from .telemetry.commits import tell_all
from .telemetry.counts import count
from .telemetry.facts import tell
from .telemetry.gauges import Gauges
from .telemetry.spans import Spans
from .workers.bells import BellsWorker
from .workers.control import ControlWorker
from .workers.dispatcher import Dispatcher
from .workers.logs import LogsWorker
from .workers.reports import ReportsWorker, ids_of
from .workers.retention import Retention
from .workers.sweeper import Sweeper

START_SECONDS = 6.0
"""For Postgres and NATS to answer at the start: with the interpreter's own time, under ten."""
IMAGE_SECONDS = 10.0
"""A host may have to ask a slow Docker Engine."""
REPORTS_IN_FLIGHT = 512
STREAMS_SECONDS = 2
"""What an open event stream has after SIGTERM before its connection is cut."""

log = get_logger(__name__)


@dataclass(slots=True)
class Parts:
    """The process, connected and ready to be served."""

    api: FastAPI
    supervisor: Supervisor


async def serve(settings: Settings) -> int:
    """Run the process until it is told to stop; answers its exit code. Raises Fatal at a bad start."""
    async with AsyncExitStack() as stack:
        listener = _listen(settings.api_host, settings.api_port)
        stack.callback(listener.close)
        parts = await stack.enter_async_context(assemble(settings))
        server = _Server(parts.api, listener, settings.api_port_file, settings.trusted_proxies)
        parts.supervisor.add("rest", server.run, stage=0)
        return await parts.supervisor.run()


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Parts]:
    """Connect to Postgres and NATS and wire everything. Raises Fatal."""
    async with AsyncExitStack() as stack:
        database, bus = await _connect(settings, stack)
        subjects = Subjects(settings.subject_prefix)
        layout = Layout(subjects, replicas=settings.nats_replicas)
        streams = Streams(bus, layout.streams)
        publisher = Publisher(bus, streams)
        sessions, plans, bells = Sessions(database), PlanCache(), Bells()
        path, clock = Path(database, plans), PostgresClock()
        rates = RateStorage(sessions)
        stack.push_async_callback(rates.close)

        spans = Spans(subjects, clock.now)
        dispatcher = Dispatcher(bus, streams, publisher, subjects, path, spans)

        def after(committed: Sequence[Committed]) -> None:
            dispatcher.hand_over(committed)
            bells.ring({one.step.run.id for one in committed})
            tell_all((spans.hand_over, count, tell), committed)

        door = Door(path, clock, after, _count_commit)
        consumer = Consumer(
            bus,
            streams,
            layout.reports_consumer(),
            EachMessage(ReportsWorker(Reports(door, path)).handle, max_in_flight=REPORTS_IN_FLIGHT),
            AckTable(DeadLetters(publisher, subjects), about=ids_of),
        )
        gauges = Gauges(path, database.pools, streams, layout)
        control = ControlWorker(bus, subjects, door, Heartbeats(path))
        sweeper = Sweeper(Sweep(door, path, lambda: not bus.connected), gauges.certify, path.forget_hosts)

        chassis_health = ChassisHealth(SERVICE, VERSION)
        supervisor = Supervisor(chassis_health, drain_seconds=settings.drain_seconds)

        async def resolve_image(pool: str, image: str) -> ImageReply | None:
            return await _ask_host(bus, subjects, pool, image)

        dependencies = Dependencies(
            sessions=sessions,
            keys=KeyRing(sessions),
            runs=Runs(sessions, door, plans),
            approvals=Approvals(sessions, door, requester_may_decide=settings.requester_may_decide),
            artifacts=Artifacts(sessions),
            health=Health.over(
                chassis_health,
                sessions,
                bus.probe,
                lambda: {"reports_consumer": consumer.pulling, "event_streams": bells.listeners},
            ),
            resolve_image=resolve_image,
            bells=bells,
            rates=MovingWindowRateLimiter(rates),
            render_metrics=metrics.render_metrics,
            metrics_type=metrics.CONTENT_TYPE,
            limits=Limits(
                create=settings.rate_create, trigger=settings.rate_trigger, read=settings.rate_read
            ),
        )

        supervisor.add("bells", BellsWorker(bus, subjects, bells).run, stage=0)
        supervisor.add("sweeper", sweeper.run, stage=0)
        retention = Retention(sessions, agent_logs=timedelta(days=settings.agent_log_days))
        supervisor.add("retention", retention.run, stage=0)
        supervisor.add("gauges", gauges.run, stage=0)
        supervisor.add("reports", consumer.run, stage=0)
        supervisor.add("control", control.run, stage=1)
        supervisor.add("logs", LogsWorker(bus, subjects, sessions, bells).run, stage=1, restartable=True)
        supervisor.add("door", door.run, stage=2)
        supervisor.add("dispatcher", dispatcher.run, stage=3)
        supervisor.add("spans", spans.run, stage=4, restartable=True)
        supervisor.add("bus", bus.run, stage=4)
        await streams.declare(layout.reports_consumer())
        log.info("process.assembled", settings=settings.shown())
        yield Parts(build_api(dependencies), supervisor)


async def _connect(settings: Settings, stack: AsyncExitStack) -> tuple[Database, Bus]:
    """Postgres and NATS, asked side by side: what is away is said in time, also when both are slow."""
    database = Database(
        settings.database_url.get_secret_value(),
        path_connections=settings.database_connections,
        sessions=settings.database_connections,
    )
    bus = Bus(settings.bus_options(SERVICE))
    stack.push_async_callback(database.close)
    stack.push_async_callback(bus.close)
    opening = [
        asyncio.create_task(database.connect(START_SECONDS)),
        asyncio.create_task(bus.open(timeout=START_SECONDS)),
    ]
    try:
        await asyncio.gather(*opening)
        await check_current(settings.database_url.get_secret_value())
    except (BusUnavailable, DatabaseUnavailable, SchemaTooOld, SchemaTooNew) as error:
        raise Fatal(str(error)) from error
    finally:
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
    return database, bus


async def _ask_host(bus: Bus, subjects: Subjects, pool: str, image: str) -> ImageReply | None:
    request = ImageRequest(pool=pool, image=image)
    try:
        payload = await bus.request(subjects.image, request.encode(), timeout=IMAGE_SECONDS)
        return ImageReply.decode(payload)[0]
    except (NoAnswer, MalformedMessage) as error:
        log.warning("image.unanswered", pool=pool, image=image, reason=str(error))
        return None


def _count_commit(signals: int) -> None:
    metrics.commits_total.inc()
    metrics.signals_per_commit.observe(signals)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Fatal(
            f"port {port} on {host} cannot be used: {error.strerror}; "
            "choose another with --port or AIRLOCK_API_PORT"
        ) from error
    return listener


class _Server:
    """uvicorn as a service of the supervisor, which alone handles signals."""

    def __init__(
        self, api: FastAPI, listener: socket.socket, port_file: FilePath | None, trusted_proxies: str
    ) -> None:
        self._listener = listener
        self._port_file = port_file
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                api,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=trusted_proxies or None,
                lifespan="off",
                timeout_graceful_shutdown=STREAMS_SECONDS,
                h11_max_incomplete_event_size=64 * 1024,
            )
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; then let requests end."""
        serving: asyncio.Task[Any] = asyncio.create_task(self._serve())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self._uvicorn.should_exit = True
            await serving
        finally:
            stopping.cancel()
            serving.cancel()

    async def _serve(self) -> None:
        host, port = self._listener.getsockname()[:2]
        # From here on a connection waits until it is served: who reads the port need not try again.
        self._listener.listen(self._uvicorn.config.backlog)
        if self._port_file is not None:
            await asyncio.to_thread(self._port_file.write_text, f"{port}\n")
        log.info("rest.listening", address=f"http://{host}:{port}")
        # `_serve`, not `serve`: the latter takes the process's signal handlers for itself.
        await self._uvicorn._serve([self._listener])
