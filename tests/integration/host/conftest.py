"""Real hosts against a small fake of orchestration, on a real nats-server and a real Docker Engine."""

import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import docker
import pytest
from airlock_agents.images.builder import ImageBuilder
from airlock_agents.sandbox.engine import connect, find_engine
from airlock_chassis.bus import Bus
from airlock_client.embedded import EmbeddedNats
from fake_orchestration import TOKEN, FakeOrchestration, until
from host_process import HostProcess

_BUILD_SECONDS = 300.0

StartHost = Callable[..., Awaitable[HostProcess]]


@pytest.fixture(scope="session")
def base_image(docker_engine: docker.DockerClient) -> str:
    """The id of the base image, built if it is not there or has changed."""
    client = connect(find_engine(os.environ, Path.home()), timeout=_BUILD_SECONDS)
    try:
        return ImageBuilder(client, base=os.environ.get("AIRLOCK_BASE_IMAGE") or None).build_base().image_id
    finally:
        client.close()


@pytest.fixture
async def other_side(
    nats_server: EmbeddedNats, nats_prefix: str, base_image: str
) -> AsyncIterator[FakeOrchestration]:
    """What the host talks to."""
    bus = await Bus.connect(nats_server.url(), name="test")
    try:
        async with FakeOrchestration(bus, nats_prefix, base_image) as fake:
            yield fake
    finally:
        await bus.close()


@pytest.fixture
def host_settings(
    nats_server: EmbeddedNats,
    nats_prefix: str,
    install_id: str,
    other_side: FakeOrchestration,
    tmp_path: Path,
) -> dict[str, str]:
    """The environment of a host of this test's own."""
    token = tmp_path / "host-token"
    token.write_text(TOKEN + "\n")
    return {
        "AIRLOCK_NATS_URL": nats_server.url("host"),
        "AIRLOCK_SUBJECT_PREFIX": nats_prefix,
        "AIRLOCK_API_URL": other_side.url,
        "AIRLOCK_HOST_TOKEN_FILE": str(token),
        "AIRLOCK_INSTALL": install_id,
        "AIRLOCK_DATA_DIR": str(tmp_path / "host"),
        "AIRLOCK_HOST_NAME": f"host-{uuid.uuid4().hex[:8]}",
        "AIRLOCK_SLOTS": "2",
        "AIRLOCK_HEARTBEAT_SECONDS": "0.5",
        "AIRLOCK_LOG_LEVEL": "DEBUG",
    }


@pytest.fixture
async def start_host(
    host_settings: dict[str, str], other_side: FakeOrchestration, tmp_path: Path
) -> AsyncIterator[StartHost]:
    """Start a host, with settings changed; it is ended with the test."""
    started: list[HostProcess] = []

    async def start(**changed: str) -> HostProcess:
        settings = host_settings | {f"AIRLOCK_{key.upper()}": value for key, value in changed.items()}
        host = HostProcess(settings, tmp_path / "host.log")
        started.append(host)
        beats = len(other_side.beats)
        await host.start()
        await until(lambda: len(other_side.beats) > beats)
        return host

    yield start
    for host in started:
        await host.kill()
