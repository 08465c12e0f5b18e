"""One install for all tests of the stack, with Debian's Prometheus and Alertmanager watching it."""

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import httpx2
import pytest
import pytest_asyncio
from airlock_client.client import AirlockClient
from airlock_client.local import shipped
from airlock_client.local.folder import DataFolder
from airlock_client.local.parts import run_module
from airlock_client.local.stack import Stack
from e2e_agents import MANIFESTS
from e2e_install import Install
from telemetry_sink import TelemetrySink, telemetry_sink
from traffic import make_traffic
from watching_servers import Alertmanager, Prometheus, health_address
from weeks_ago import remember_weeks_ago

SEEN = 'workflow_runs_total{workflow="security-review",status="SUCCESS"}'
"""What comes last of what `make_traffic` makes."""


@pytest.fixture
def no_blocking_call() -> None:
    """These tests are a client that may read a file; the processes under test are others."""


@pytest.fixture(scope="session")
def sink() -> Iterator[TelemetrySink]:
    """Whom the install sends its telemetry by OTLP: all of its traces, and figures every few seconds."""
    with telemetry_sink() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRLOCK_OTLP_ENDPOINT", running.endpoint)
        patch.setenv("AIRLOCK_OTLP_METRICS_SECONDS", "5")
        patch.setenv("AIRLOCK_TRACE_RATIO", "1")
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(servers_folder: Path, sink: TelemetrySink) -> AsyncIterator[Stack]:
    """The one install, up, with the shipped agents and workflows, and the agents of the whole-run tests."""
    images = await shipped.build_images(lambda _: None)
    folder = DataFolder(servers_folder / "watched")
    async with Stack(folder, port=0, say=lambda _: None) as running:
        async with AirlockClient(running.api_url, folder.admin_key.read_text().strip()) as client:
            await shipped.register(client, folder.path, images, lambda _: None)
            for manifest in MANIFESTS:
                await client.register_agent(json.dumps(manifest).encode())
        yield running
    shutil.rmtree(folder.path)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def alertmanager(stack: Stack, servers_folder: Path) -> AsyncIterator[Alertmanager]:
    """Alertmanager, which posts to the install with a key that may do nothing else."""
    key = servers_folder / "webhook.key"
    await run_module(
        [
            "airlock_orchestration",
            "keys",
            "create",
            "--name",
            "alerts",
            "--role",
            "webhook",
            "--output",
            str(key),
        ],
        {"AIRLOCK_DATABASE_URL_FILE": str(stack.folder.path / "secrets" / "database-url")},
    )
    receiver = f"{stack.api_url}/api/webhooks/alertmanager"
    async with Alertmanager(servers_folder / "alertmanager", receiver=receiver, key_file=key) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def prometheus(
    stack: Stack, alertmanager: Alertmanager, servers_folder: Path
) -> AsyncIterator[Prometheus]:
    """Prometheus with our rules as they are; it scrapes both processes of the install every second.

    It also remembers that agents worked in the week before this one.
    """
    targets = {
        "orchestration": stack.api_url.removeprefix("http://"),
        "agent_host": health_address(stack.folder.log("agent-host")),
        "alertmanager": alertmanager.address,
    }
    folder = servers_folder / "prometheus"
    remember_weeks_ago(folder / "data", datetime.now(UTC))
    async with Prometheus(folder, targets) as server:
        await server.until('up{job="orchestration"} == 1', seconds=20)
        await server.until('up{job="agent-host"} == 1', seconds=20)
        yield server


@pytest.fixture
async def install(stack: Stack, docker_engine: docker.DockerClient) -> AsyncIterator[Install]:
    """The install through a client of this test's own."""
    async with _used(stack, docker_engine) as install:
        yield install


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def busy(
    stack: Stack, docker_engine: docker.DockerClient, prometheus: Prometheus, tmp_path_factory: Any
) -> Prometheus:
    """Prometheus, once it has seen some of everything that an install does, and some of it twice.

    A counter's first value is no increase.
    """
    async with _used(stack, docker_engine) as install:
        await make_traffic(install, tmp_path_factory.mktemp("workspace"))
        await prometheus.until(SEEN, seconds=20)
        await make_traffic(install, tmp_path_factory.mktemp("workspace"))
        await prometheus.until(f"{SEEN} > 1", seconds=20)
    return prometheus


@asynccontextmanager
async def _used(stack: Stack, engine: docker.DockerClient) -> AsyncIterator[Install]:
    key = stack.folder.admin_key.read_text().strip()
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        AirlockClient(stack.api_url, key) as client,
        httpx2.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30.0) as http,
    ):
        yield Install(stack, client, http, engine)
