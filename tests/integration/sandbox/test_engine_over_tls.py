"""An engine on another machine, behind TLS with certificates on both sides."""

import asyncio
import contextlib
import hashlib
import json
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airlock_agents.sandbox.docker import Containers
from airlock_agents.sandbox.engine import Engine, EngineProblem, EngineProblemKind, find_engine
from airlock_agents.sandbox.outcome import Failed, Success
from airlock_agents.sandbox.ports import SandboxSpec
from airlock_agents.sandbox.sandboxes import Sandboxes

AGENT = """
from airlock_sdk import Agent
agent = Agent()
@agent.action("go")
def go(inputs: dict, ctx) -> dict:
    return {"got": inputs}
agent.run()
"""


@pytest.fixture(scope="module")
def certificates() -> Iterator[Path]:
    """A folder with ca.pem, cert.pem and key.pem: one self-signed certificate for both sides."""
    with tempfile.TemporaryDirectory(prefix="al") as name:
        folder = Path(name)
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
        files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
        subprocess.run([*command.split(), *names, *files], check=True, capture_output=True, timeout=30)
        (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())
        yield folder


@pytest.fixture
async def tls_port(engine: Engine, certificates: Path) -> AsyncIterator[int]:
    """A port that speaks TLS in front of the engine's socket, and wants a client's certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(str(certificates / "cert.pem"), str(certificates / "key.pem"))

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_unix_connection(str(engine.address.socket_path))

        async def pump(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    to.write(data)
                    await to.drain()
            to.close()

        await asyncio.gather(pump(reader, there), pump(there_reader, writer))

    server = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def context_home(tmp_path: Path, certificates: Path, tls_port: int) -> Path:
    """A home folder whose current docker context is that engine."""
    name = "far-away"
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = tmp_path / ".docker"
    (folder / "contexts/meta" / digest).mkdir(parents=True)
    (folder / "contexts/tls" / digest).mkdir(parents=True)
    (folder / "contexts/tls" / digest / "docker").symlink_to(certificates)
    endpoint = {"Host": f"tcp://127.0.0.1:{tls_port}", "SkipTLSVerify": False}
    meta = {"Name": name, "Endpoints": {"docker": endpoint}}
    (folder / "contexts/meta" / digest / "meta.json").write_text(json.dumps(meta))
    (folder / "config.json").write_text(json.dumps({"currentContext": name}))
    return tmp_path


@pytest.fixture
async def far_containers(context_home: Path) -> AsyncIterator[Containers]:
    found = await asyncio.to_thread(find_engine, {}, context_home)
    opened = await Containers.connect(found)
    yield opened
    await opened.close()


async def test_airlock1_works_on_an_engine_behind_tls(
    far_containers: Containers,
    install_id: str,
    host_id: str,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., Any],
) -> None:
    sandboxes = Sandboxes(far_containers, install=install_id, host=host_id, boot="boot-1")
    spec = spec_of(["python3", "-c", AGENT], "airlock/1")
    outcome = await sandboxes.run(spec, request_of({"a": "x" * 200_000}), recorder, recorder)
    assert isinstance(outcome, Success), outcome
    assert len(outcome.output) > 200_000


async def test_stdio_says_that_it_cannot_end_its_input_there(
    far_containers: Containers,
    install_id: str,
    host_id: str,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., Any],
) -> None:
    sandboxes = Sandboxes(far_containers, install=install_id, host=host_id, boot="boot-1")
    outcome = await sandboxes.run(spec_of(["cat"]), request_of(1), recorder, recorder)
    assert isinstance(outcome, Failed)
    assert (outcome.failure.code, outcome.failure.retryable) == ("start.failed", False)


async def test_without_the_right_certificate_it_is_unreachable(tls_port: int, tmp_path: Path) -> None:
    environ = {"DOCKER_HOST": f"tcp://127.0.0.1:{tls_port}", "DOCKER_TLS_VERIFY": "1"}
    with pytest.raises(EngineProblem) as caught:
        await asyncio.to_thread(find_engine, environ, tmp_path)
    assert caught.value.kind is EngineProblemKind.UNREACHABLE
