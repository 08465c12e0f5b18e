"""Real containers: the base image built once, one host of its own per test, and nothing left behind."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
import uvloop
from airlock_agents.images.builder import ImageBuilder
from airlock_agents.sandbox.airlock1 import Conversation
from airlock_agents.sandbox.docker import Containers
from airlock_agents.sandbox.engine import Engine, connect, find_engine
from airlock_agents.sandbox.outcome import Outcome
from airlock_agents.sandbox.policy import HostLimits, Owner, container_policy
from airlock_agents.sandbox.ports import InputArtifact, SandboxRequest, SandboxSpec
from airlock_agents.sandbox.sandboxes import Sandboxes
from airlock_agents.sandbox.spans import AgentSpan, Dropped
from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.manifest import Manifest
from airlock_contracts.messages import AttemptId

from .weakened import MANIFEST, SECONDS, Look, Weaken, WeakenedPolicy

_BUILD_SECONDS = 300.0


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Sandboxes are tested on the loop that hosts run on."""
    return {"uvloop": uvloop.new_event_loop}


class Recorder:
    """Both ends of a host: keeps what an agent says, and gives artifacts by their digest."""

    def __init__(self) -> None:
        self.logs: list[tuple[str, str, dict[str, Any]]] = []
        self.progress_seen: list[tuple[str, float | None]] = []
        self.spans: list[AgentSpan | Dropped] = []
        self.artifacts: dict[str, bytes] = {}
        self.names: list[str] = []
        self.broken: list[str] = []

    async def log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        self.logs.append((level, message, dict(fields)))

    async def progress(self, message: str, fraction: float | None) -> None:
        self.progress_seen.append((message, fraction))

    async def span(self, told: AgentSpan | Dropped) -> None:
        self.spans.append(told)

    async def artifact(
        self, name: str, media_type: str, size: int, chunks: AsyncIterator[bytes]
    ) -> ArtifactRef:
        self.broken.append(name)
        data = b"".join([chunk async for chunk in chunks])
        self.broken.remove(name)
        assert len(data) == size
        self.names.append(name)
        return self.keep(data, media_type)

    def keep(self, data: bytes, media_type: str = "application/x-tar") -> ArtifactRef:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.artifacts[digest] = data
        return ArtifactRef(artifact=digest, size=len(data), media_type=media_type)

    async def open(self, ref: ArtifactRef) -> AsyncIterator[bytes]:
        data = self.artifacts[ref.artifact]
        for at in range(0, len(data), 100_000):
            yield data[at : at + 100_000]


@pytest.fixture(scope="session")
def engine(docker_engine: docker.DockerClient) -> Engine:
    return find_engine(os.environ, Path.home())


@pytest.fixture(scope="session")
def base_image(engine: Engine) -> str:
    """The id of the base image, built if it is not there or has changed."""
    client = connect(engine, timeout=_BUILD_SECONDS)
    try:
        return ImageBuilder(client, base=os.environ.get("AIRLOCK_BASE_IMAGE") or None).build_base().image_id
    finally:
        client.close()


@pytest.fixture
def host_id() -> str:
    return f"host-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def containers(engine: Engine) -> AsyncIterator[Containers]:
    opened = await Containers.connect(engine)
    yield opened
    await opened.close()


@pytest.fixture
async def sandboxes(containers: Containers, install_id: str, host_id: str) -> AsyncIterator[Sandboxes]:
    """One host's sandboxes; the test fails if a container of theirs is left at its end."""
    ours = Sandboxes(containers, install=install_id, host=host_id, boot="boot-1")
    yield ours
    left = [c for c in await containers.of_install(install_id) if c.labels["airlock.host"] == host_id]
    assert not left
    assert not ours.live


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def make_spec(image: str, command: list[str], protocol: str = "stdio", **limits: Any) -> SandboxSpec:
    action = {"input_schema": {}, "output_schema": {}}
    manifest = Manifest.model_validate(
        {
            "name": "test-agent",
            "version": "1.0.0",
            "type": "SCRIPT",
            "image": "airlock-base",
            "command": command,
            "protocol": protocol,
            "limits": limits,
            "actions": {"go": action},
        }
    )
    return SandboxSpec(sandbox=uuid.uuid4().hex, manifest=manifest, image=image)


def make_request(
    document: Any, seconds: float = 20.0, artifacts: tuple[InputArtifact, ...] = ()
) -> SandboxRequest:
    return SandboxRequest(
        attempt=AttemptId(run=str(uuid.uuid4()), node="scan", number=1),
        action="go",
        input=json.dumps(document).encode(),
        timeout_seconds=seconds,
        artifacts=artifacts,
    )


@pytest.fixture
def spec_of(base_image: str) -> Callable[..., SandboxSpec]:
    """Make the spec of an agent: its command, protocol and limits."""

    def make(command: list[str], protocol: str = "stdio", **limits: Any) -> SandboxSpec:
        return make_spec(base_image, command, protocol, **limits)

    return make


@pytest.fixture
def request_of() -> Callable[..., SandboxRequest]:
    return make_request


RunAgent = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def run_shell(sandboxes: Sandboxes, base_image: str, recorder: Recorder) -> RunAgent:
    """Run a shell script as a stdio agent."""

    async def run(script: str, document: Any = None, seconds: float = 20.0, **limits: Any) -> Outcome:
        spec = make_spec(base_image, ["sh", "-c", script], **limits)
        return await sandboxes.run(spec, make_request(document, seconds), recorder, recorder)

    return run


@pytest.fixture
def run_python(sandboxes: Sandboxes, base_image: str, recorder: Recorder) -> RunAgent:
    """Run a Python text as an agent; by default of airlock/1."""

    async def run(
        code: str,
        document: Any = None,
        seconds: float = 20.0,
        protocol: str = "airlock/1",
        artifacts: tuple[InputArtifact, ...] = (),
        **limits: Any,
    ) -> Outcome:
        spec = make_spec(base_image, ["python3", "-c", code], protocol, **limits)
        return await sandboxes.run(spec, make_request(document, seconds, artifacts), recorder, recorder)

    return run


@pytest.fixture(scope="session")
def probe_image(base_image: str) -> str:
    """The id of the probe's image, built if it is not there or has changed."""
    command = [sys.executable, "-m", "airlock_agents", "images", "build", "--quiet", "probe"]
    built = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return dict(line.split() for line in built.stdout.splitlines())["airlock-agent-probe"]


@pytest.fixture
async def look(
    containers: Containers, probe_image: str, install_id: str, recorder: Recorder
) -> AsyncIterator[Look]:
    """Run the probe in a container with a changed configuration; answers its output."""
    made: list[str] = []

    async def run(weaken: Weaken, action: str = "look") -> dict[str, Any]:
        owner = Owner(install=install_id, host="weak", boot="b", sandbox=uuid.uuid4().hex)
        tight = container_policy(
            manifest=MANIFEST,
            image=probe_image,
            host=HostLimits(),
            owner=owner,
            processors=containers.engine.processors,
        )
        container = await containers.create(WeakenedPolicy(**vars(tight), weaken=weaken))
        made.append(container)
        channel = await containers.attach(container)
        try:
            await containers.start(container)
            conversation = Conversation(channel)
            await conversation.ready()
            asked = replace(make_request({}, SECONDS), action=action)
            answer = await conversation.ask(asked, recorder, recorder, output_kb=MANIFEST.limits.output_kb)
        finally:
            await channel.close()
        assert isinstance(answer, bytes), answer
        output: dict[str, Any] = json.loads(answer)
        return output

    yield run
    for container in made:
        await containers.remove(container)
