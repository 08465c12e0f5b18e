"""Real parts for every suite: Postgres, nats-server and Docker, each test with a corner of its own.

A part that is missing fails the test and says how to get it; nothing is skipped. The servers are child
processes of this pytest process and go with it, also after Ctrl-C and kill -9. They listen on free ports in a
temporary folder, so suites run beside each other.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import docker
import docker.errors
import pytest
import structlog
from airlock_agents.sandbox.engine import EngineProblem, find_engine
from airlock_client.embedded import EmbeddedNats, EmbeddedPostgres, MissingBinary
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

_SQL_SECONDS = 30.0
_MIGRATE_SECONDS = 60.0
# A stream reserves its largest size, and every test has streams of its own: a number, not disk.
_STORE_BYTES = 1024**4
_LEAK_SECONDS = 1.0
_END_SECONDS = 30.0
_REMOVE_SECONDS = 30.0
_FIGURE = "figure"  # the property of a test's report that tells what it measured
_SCANNED = (
    "airlock_agents",
    "airlock_chassis",
    "airlock_client",
    "airlock_contracts",
    "airlock_orchestration",
    "airlock_sdk",
)
# Short writes to a log that goes to a file or a terminal: what every Python program does in its loop.
# asyncpg looks for certificates and a password file at each connect: a few stats of a local folder.
_MAY_BLOCK = (
    ("logging/__init__.py", "emit"),
    ("structlog/_output.py", "msg"),
    ("traceback.py", "__init__"),  # an exception that is logged: its source lines are read once
    ("coverage/collector.py", "lock_data"),  # where these tests are measured: for the moment of a new file
    ("airlock_agents/sandbox/cgroup.py", "_read"),  # the kernel's own small files, of no disk
    ("asyncpg/connect_utils.py", "_parse_connect_dsn_and_args"),
)

# How long an example takes is the machine's affair: what has to be quick has a test of its own.
settings.register_profile("airlock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("airlock")

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(key_order=["event"]),
    ]
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test an id of its own, and async tests the watch over their loop; plain ones have none."""
    for item in items:
        # Schemathesis 4 names its tests by operation, and pytest 9 makes their ids without that.
        if (operation := getattr(item, "operation_label", None)) and operation not in item.nodeid:
            item._id = replace(item.id, params=operation)
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(inspect.unwrap(item.obj)):
            item.fixturenames[:0] = ["no_blocking_call", "no_leaked_task"]
    if twice := [id_ for id_, times in Counter(item.nodeid for item in items).items() if times > 1]:
        # pytest-xdist tells tests by their ids: of some with one id it would run one.
        raise pytest.UsageError("tests share an id: " + ", ".join(twice))


@pytest.fixture
def tell_figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say at the end of pytest's output what a test measured; what its process prints is lost with `-n`."""
    return partial(record_property, _FIGURE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests measured, in the order of the tests, whichever process they ran in."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    told = [
        (report.nodeid, figure)
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, figure in report.user_properties
        if name == _FIGURE
    ]
    if told:
        terminalreporter.section("figures")
        for _, figure in sorted(told, key=itemgetter(0)):
            terminalreporter.write_line(str(figure))


@pytest.fixture
def processor_seconds() -> Callable[[Callable[[], object]], float]:
    """Do some work, and tell how long it took a processor: without what measures the tests, or tidies up."""

    def take(work: Callable[[], object]) -> float:
        measured_by = sys.gettrace()
        sys.settrace(None)
        gc.disable()
        try:
            began = time.thread_time()
            work()
            return time.thread_time() - began
        finally:
            gc.enable()
            sys.settrace(measured_by)

    return take


@pytest.fixture
def no_blocking_call() -> Iterator[BlockBuster]:
    """Fail an async test whose Airlock code blocks the loop (sleep, file, socket, lock, subprocess)."""
    with blockbuster_ctx(list(_SCANNED)) as blockbuster:
        for function in blockbuster.functions.values():
            for file, name in _MAY_BLOCK:
                function.can_block_in(file, name)
        yield blockbuster


@pytest.fixture
async def no_leaked_task() -> AsyncIterator[None]:
    """Fail an async test that leaves tasks running: every task has an owner that awaits or cancels it."""
    before = asyncio.all_tasks()
    yield
    mine = asyncio.current_task()
    leaked = {task for task in asyncio.all_tasks() - before if task is not mine}
    if leaked:  # a task that was just cancelled (nats-py's, at its close) needs some turns of the loop to end
        _, leaked = await asyncio.wait(leaked, timeout=_LEAK_SECONDS)
    if ending := {task for task in leaked if task.cancelling()}:  # its end may wait for a thread or a disk
        ended, _ = await asyncio.wait(ending, timeout=_END_SECONDS)
        leaked -= ended
    if leaked:
        pytest.fail("tasks left running: " + ", ".join(sorted(repr(task) for task in leaked)))


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A temporary folder that the servers' account may pass (pytest's own is closed to it under root)."""
    folder = Path(tempfile.mkdtemp(prefix="airlock-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


class RunningPostgres:
    """A Postgres that somebody started for very many pytest processes; its own database is migrated."""

    def __init__(self, address: str) -> None:
        self._server, _, self.migrated = address.rpartition("/")

    def url(self, database: str) -> str:
        return f"{self._server}/{database}"


@pytest.fixture(scope="session")
def postgres_server(servers_folder: Path) -> Iterator[EmbeddedPostgres | RunningPostgres]:
    """One Postgres for this pytest process, with `fsync` off: a test of durability starts its own server."""
    if address := os.environ.get("RUNNING_POSTGRES"):
        yield RunningPostgres(address)
        return
    settings = {"fsync": "off", "max_connections": "300"}
    try:
        with EmbeddedPostgres(servers_folder / "postgres", settings=settings) as server:
            yield server
    except MissingBinary as error:
        pytest.fail(f"{error} (`make test` does it)")


@pytest.fixture(scope="session")
def nats_server(servers_folder: Path) -> Iterator[EmbeddedNats]:
    """One nats-server with JetStream for this pytest process; every test takes a `nats_prefix` on it."""
    try:
        with EmbeddedNats(
            servers_folder / "nats", sync_interval="2m", max_store_bytes=_STORE_BYTES
        ) as server:
            yield server
    except MissingBinary as error:
        pytest.fail(f"{error} (`make test` does it)")


class Databases:
    """Makes and drops databases on one connection, in a thread with a loop of its own.

    So it serves plain and async tests alike, whatever loop those run on.
    """

    def __init__(self, server: EmbeddedPostgres | RunningPostgres) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-databases", daemon=True)
        self._thread.start()
        self._connection: asyncpg.Connection | None = None

    def make(self, *, template: str | None = None) -> str:
        """A new database (a copy of `template`); answers its name."""
        name = f"t{uuid4().hex}"
        self._run(self._execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else "")))
        return name

    def drop(self, name: str) -> None:
        """Drop a database, with whoever is still connected to it."""
        self._run(self._execute(f"DROP DATABASE {name} WITH (FORCE)"))

    def close(self) -> None:
        if self._connection is not None:
            self._run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _execute(self, statement: str) -> None:
        # A test may have killed the server in between: then the connection is a new one.
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._server.url("postgres"))
        await self._connection.execute(statement)

    def _run(self, work: Awaitable[Any]) -> None:
        async def bounded() -> None:
            await asyncio.wait_for(work, _SQL_SECONDS)

        asyncio.run_coroutine_threadsafe(bounded(), self._loop).result()


@pytest.fixture(scope="session")
def databases(postgres_server: EmbeddedPostgres) -> Iterator[Databases]:
    """Makes as many databases as a test wants; those from `database_url` are dropped by themselves."""
    maker = Databases(postgres_server)
    yield maker
    maker.close()


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres, databases: Databases) -> Iterator[str]:
    """The address of an empty database for this test alone."""
    name = databases.make()
    yield postgres_server.url(name)
    databases.drop(name)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres | RunningPostgres, databases: Databases) -> str:
    """A database that the real `migrate` command has brought up to date, once; others are copied from it."""
    if isinstance(postgres_server, RunningPostgres):
        return postgres_server.migrated
    name = databases.make()
    done = subprocess.run(
        [sys.executable, "-m", "airlock_orchestration", "migrate"],
        env={**os.environ, "AIRLOCK_DATABASE_URL": postgres_server.url(name)},
        capture_output=True,
        text=True,
        timeout=_MIGRATE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(
            f"`airlock_orchestration migrate` answered {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return name


@pytest.fixture
def migrated_database_url(
    postgres_server: EmbeddedPostgres, databases: Databases, migrated_template: str
) -> Iterator[str]:
    """The address of a database for this test alone, with Airlock's tables in it and no rows."""
    name = databases.make(template=migrated_template)
    yield postgres_server.url(name)
    databases.drop(name)


@pytest.fixture
def recorded_spans() -> Iterator[InMemorySpanExporter]:
    """Tracing is on in this process; the spans that ended."""
    # Here and not above: whoever imports the chassis has its logs, and not those of these tests.
    from airlock_chassis.telemetry.traces import use_provider

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use_provider(provider)
    yield exporter
    use_provider(None)


@pytest.fixture
def nats_prefix() -> str:
    """A prefix for the subjects, streams and buckets of this test alone, such as `t1a2b3c4d5e6f`."""
    return f"t{uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def install_id() -> str:
    """The value of the label `airlock.install` on everything that this pytest process makes in Docker."""
    return f"test-{uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def docker_engine(install_id: str) -> Iterator[docker.DockerClient]:
    """A client of the Docker engine for the whole session; at its end what carries our label is removed."""
    try:
        engine = find_engine(os.environ, Path.home())  # as Airlock does: contexts too
    except EngineProblem as problem:
        pytest.fail(f"no Docker engine answers ({problem}): run the tests by `make test`, which starts one")
    if engine.address.tls is None:
        os.environ["DOCKER_HOST"] = engine.address.host  # for the SDK, which knows no contexts
    client = docker.from_env(timeout=30)
    ours: dict[str, str | list[str] | bool] = {"label": f"airlock.install={install_id}"}
    yield client
    deadline = time.monotonic() + _REMOVE_SECONDS
    while containers := client.api.containers(all=True, filters=ours):
        for container in containers:
            try:
                client.api.remove_container(container["Id"], force=True, v=True)
            except docker.errors.APIError as error:  # gone, or going by somebody else's order
                if error.status_code not in (404, 409) or time.monotonic() > deadline:
                    raise
        time.sleep(0.1)
    for network in client.networks.list(filters=ours):
        network.remove()
    client.close()


@pytest.fixture
def docker_client(docker_engine: docker.DockerClient) -> Iterator[docker.DockerClient]:
    """A Docker client for this test alone, with connections of its own."""
    client = docker.from_env(timeout=30)
    yield client
    client.close()
