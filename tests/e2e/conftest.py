"""One install for all of these tests: the composed stack on real parts, used through REST alone."""

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import docker
import httpx2
import pytest
import pytest_asyncio
from airlock_client.client import AirlockClient
from airlock_client.local.folder import DataFolder
from airlock_client.local.parts import run_module
from airlock_client.local.shipped import build_images
from airlock_client.local.stack import Stack
from e2e_agents import MANIFESTS
from e2e_install import PARTS, Install
from otlp_spans import Sink, otlp_sink


@pytest.fixture
def no_blocking_call() -> None:
    """These tests are a client that may read a file; the processes under test are others."""


@pytest.fixture(scope="session")
def sink() -> Iterator[Sink]:
    """The collector to which the install sends its spans, all of them."""
    with otlp_sink() as collector, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRLOCK_OTLP_ENDPOINT", collector.endpoint)
        environment.setenv("AIRLOCK_TRACES_PER_SECOND", "1000")
        yield collector


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(servers_folder: Path, sink: Sink) -> AsyncIterator[Stack]:
    """The one install, up, with the agents of these tests. Its watch runs only where a test starts it."""
    await build_images(lambda _: None)
    folder = DataFolder(servers_folder / "e2e")
    async with Stack(folder, port=0, say=lambda _: None) as running:
        async with AirlockClient(running.api_url, folder.admin_key.read_text().strip()) as client:
            for manifest in MANIFESTS:
                await client.register_agent(json.dumps(manifest).encode())
        yield running
    shutil.rmtree(folder.path)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_key(stack: Stack, request: pytest.FixtureRequest) -> str:
    """A key of the module's own: rate limits are per key, and decisions record its name."""
    name = Path(str(request.path)).stem.replace("_", "-")
    made = await run_module(
        ["airlock_orchestration", "keys", "create", "--name", name],
        {"AIRLOCK_DATABASE_URL_FILE": str(stack.folder.path / "secrets" / "database-url")},
    )
    key: str = json.loads(made)["key"]
    return key


@pytest.fixture
async def install(
    stack: Stack, module_key: str, docker_client: docker.DockerClient
) -> AsyncIterator[Install]:
    """The install through a client of this test's own.

    At its end no container may be left, every log line about a run names it and its trace, and nothing waits
    that nobody would wake.
    """
    headers = {"Authorization": f"Bearer {module_key}"}
    async with (
        AirlockClient(stack.api_url, module_key) as client,
        httpx2.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30.0) as http,
    ):
        using = Install(stack, client, http, docker_client)
        seen = {part: len(using.log_lines(part)) for part in PARTS}
        yield using
        await using.until_no_container()
        assert await using.lines_without_ids(seen) == []
        assert "wakeup_certificate_violations 0.0" in (await http.get("/metrics")).text
