"""What stands apart: two installs on one machine, and processes that refuse to start without their parts."""

import asyncio
import json
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from airlock_client.client import AirlockClient
from airlock_client.embedded.process import clean_environment
from airlock_client.local.folder import DataFolder
from airlock_client.local.stack import Stack
from airlock_contracts.statuses import NodeStatus, RunStatus
from e2e_agents import MANIFESTS
from e2e_install import Install

FATAL_SECONDS = 10
"""Beside what the interpreter takes to begin, on a machine as busy as it is with several at once."""
MISSPELT = {"AIRLOCK_LOG_LEVLE": "INFO"}


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a listener that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@dataclass(frozen=True)
class End:
    """How a process ended that should not have started."""

    code: int
    said: list[str]
    """Its stderr."""
    seconds: float
    port_opened: bool


async def _starts(module: list[str], settings: dict[str, str], port: int) -> End:
    """Run a process until it ends by itself, and knock at a port meanwhile."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *module,
        env={**clean_environment(), **settings},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    talking = asyncio.create_task(process.communicate())
    opened = False
    while not talking.done():
        opened = opened or await _answers(port)
        await asyncio.wait({talking}, timeout=0.1)
    _, stderr = talking.result()
    assert process.returncode is not None
    said = stderr.decode().splitlines()
    return End(process.returncode, said, time.monotonic() - began, opened)


async def _answers(port: int) -> bool:
    """Whether HTTP is served there: a socket that is bound and does not listen refuses."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _settings(stack: Stack, part: str) -> dict[str, str]:
    """Those of a running process, for another one beside it."""
    found = stack._orchestration if part == "orchestration" else stack._host
    assert found is not None
    return dict(found._environment)


@pytest.mark.parametrize("is_silent", [True, False])
async def test_orchestration_ends_with_one_line_where_a_given_address_does_not_answer(
    stack: Stack, silent: int, is_silent: bool
) -> None:
    base = _settings(stack, "orchestration")
    del base["AIRLOCK_API_PORT_FILE"]
    with_url = {key: value for key, value in base.items() if key != "AIRLOCK_DATABASE_URL_FILE"}
    to = silent if is_silent else _free_port()
    wrong = [
        with_url | {"AIRLOCK_DATABASE_URL": f"postgresql://a:a-password@127.0.0.1:{to}/x"},
        base | {"AIRLOCK_NATS_URL": f"nats://127.0.0.1:{to}"},
    ]
    ports = [_free_port() for _ in [*wrong, MISSPELT]]
    *ends, misspelt = await asyncio.gather(
        *(
            _starts(["airlock_orchestration"], settings | {"AIRLOCK_API_PORT": str(port)}, port)
            for settings, port in zip([*wrong, base | MISSPELT], ports, strict=True)
        )
    )
    assert "AIRLOCK_LOG_LEVLE is no setting" in misspelt.said[0]
    for end in ends:
        assert end.code == 1
        assert len(end.said) == 1, end.said
        assert f"127.0.0.1:{to}" in end.said[0]
        assert "a-password" not in end.said[0]
        assert end.seconds - misspelt.seconds < FATAL_SECONDS
        assert not end.port_opened


async def test_a_host_ends_with_one_line_where_a_given_address_does_not_answer(
    stack: Stack, silent: int, tmp_path: Path
) -> None:
    base = _settings(stack, "agent-host")
    wrong = [
        {"AIRLOCK_NATS_URL": f"nats://127.0.0.1:{silent}"},
        {"AIRLOCK_API_URL": f"http://127.0.0.1:{silent}"},
        {"DOCKER_HOST": f"tcp://127.0.0.1:{silent}"},
    ]
    *ends, misspelt = await asyncio.gather(
        *(
            _starts(
                ["airlock_agents", "host"],
                base | {"AIRLOCK_DATA_DIR": str(tmp_path / str(n))} | changed,
                _free_port(),
            )
            for n, changed in enumerate([*wrong, MISSPELT])
        )
    )
    assert "AIRLOCK_LOG_LEVLE is no setting" in misspelt.said[0]
    for end in ends:
        assert end.code == 1
        assert len(end.said) == 1, end.said
        assert f"127.0.0.1:{silent}" in end.said[0]
        assert end.seconds - misspelt.seconds < FATAL_SECONDS


async def test_two_installs_on_one_machine_never_touch_each_other_s_containers(
    install: Install, servers_folder: Path
) -> None:
    slow = [{"id": "slow", "inputs": {"seconds": 12}}]
    run = await install.start("beside", slow)
    await install.until_node(run, "slow", NodeStatus.RUNNING)
    folder = DataFolder(servers_folder / "e2e-beside")
    async with (
        Stack(folder, port=0, say=lambda _: None) as other,
        AirlockClient(other.api_url, folder.admin_key.read_text().strip()) as client,
    ):
        assert other.install != install.stack.install
        beside = Install(other, client, client._http, install.docker)
        obedient = next(one for one in MANIFESTS if one["name"] == "obedient")
        await client.register_agent(json.dumps(obedient).encode())
        theirs = await beside.start("theirs", [{"id": "a", "inputs": {"seconds": 60}}])
        await beside.until_node(theirs, "a", NodeStatus.RUNNING)
        # Their host starts again, its janitor sweeps, they cancel and stop: ours is none of their affair.
        await beside.stop_and_start("agent-host", signal.SIGKILL)
        await beside.until_no_container(60)  # a new host starts first
        await client.cancel(theirs)
        await client.cancel((await client.trigger("theirs", {})).id)
    shutil.rmtree(folder.path)
    view = await install.until_final(run)
    assert view.status is RunStatus.SUCCESS, view.failure
    assert len(view.nodes[0].attempts) == 1
    left = install.docker.containers.list(all=True, filters={"label": f"airlock.install={other.install}"})
    for container in left:
        container.remove(force=True)
    assert left == []
