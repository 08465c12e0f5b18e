"""A host whose Docker Engine goes away, and a host's loop, which never waits for anything."""

import asyncio
import hashlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import docker
import pytest
from airlock_agents.host.app import serve
from airlock_agents.host.identity import Identity
from airlock_agents.settings import Settings
from airlock_contracts.messages import ReportStatus
from docker_proxy import DockerProxy
from fake_orchestration import FakeOrchestration, until
from host_process import HostProcess

StartHost = Callable[..., Awaitable[HostProcess]]

PYTHON = ["python3", "-I", "-c"]
ECHO = [*PYTHON, "import sys; sys.stdout.write(sys.stdin.read())"]
FOREVER = [*PYTHON, "import time; time.sleep(300)"]


async def test_without_its_engine_a_host_hands_back_and_goes_on_when_it_is_back(
    other_side: FakeOrchestration, start_host: StartHost, host_settings: dict[str, str]
) -> None:
    async with DockerProxy() as proxy:
        host_settings["DOCKER_HOST"] = f"unix://{proxy.path}"
        host = await start_host()
        agent = other_side.register(ECHO)
        await other_side.report_of(await other_side.dispatch(agent))
        await proxy.cut()
        attempt = await other_side.dispatch(agent)
        await until(lambda: host.events("attempt.handed_back"))
        assert not other_side.reports_of(attempt)
        await proxy.open()
        report, _ = await other_side.report_of(attempt)
        assert report.status is ReportStatus.SUCCESS


async def test_an_engine_that_goes_away_ends_a_claimed_attempt_and_its_sandbox_is_removed_later(
    other_side: FakeOrchestration,
    start_host: StartHost,
    host_settings: dict[str, str],
    docker_client: docker.DockerClient,
) -> None:
    async with DockerProxy() as proxy:
        host_settings["DOCKER_HOST"] = f"unix://{proxy.path}"
        host = await start_host()
        attempt = await other_side.dispatch(other_side.register(FOREVER))
        await until(lambda: other_side.claims_of(attempt))
        await proxy.cut()
        report, _ = await other_side.report_of(attempt)
        assert report.failure is not None
        assert report.failure.code == "sandbox.lost"
        assert report.failure.retryable
        await proxy.open()
        label = f"airlock.host={host.settings['AIRLOCK_HOST_NAME']}"

        def left() -> int:
            return len(docker_client.containers.list(all=True, filters={"label": label}, ignore_removed=True))

        async with asyncio.timeout(30):
            while await asyncio.to_thread(left):
                await asyncio.sleep(0.1)


async def test_nothing_in_a_host_blocks_its_loop(
    other_side: FakeOrchestration, host_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in host_settings.items():
        monkeypatch.setenv(name, value)
    settings = await asyncio.to_thread(Settings.load)
    await asyncio.to_thread(Path(settings.data_dir).mkdir)
    identity = Identity(str(settings.host_name), "boot-1", settings.install, settings.pool, "0.0.0")
    serving = asyncio.create_task(serve(settings, identity, os.environ))
    await until(lambda: other_side.beats or serving.done())
    data = b"0123456789" * 300_000
    digest = hashlib.sha256(data).hexdigest()
    other_side.artifacts[digest] = data
    reader = other_side.register(
        [*PYTHON, AIRLOCK_1],
        protocol="airlock/1",
    )
    document = {
        "file": {"artifact": f"sha256:{digest}", "size": len(data), "media_type": "application/x-tar"}
    }
    attempts = [await other_side.dispatch(reader, document)]
    attempts.append(await other_side.dispatch(other_side.register(ECHO), claim_first=True))
    attempts.append(await other_side.dispatch(other_side.register(FOREVER), timeout=1.0))
    for attempt in attempts:
        await other_side.report_of(attempt)
    await until(lambda: not other_side.beats[-1].held)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(serving, 20) == 0


AIRLOCK_1 = """
import sys, json
def send(header, body=b""):
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\\n" + body); sys.stdout.buffer.flush()
send({"type": "ready", "protocol": "airlock/1", "sdk": "0"})
request = json.loads(sys.stdin.buffer.readline())
sys.stdin.buffer.read(request["size"] + request["artifacts"][0]["size"])
send({"type": "artifact", "name": "out.bin", "media_type": "text/plain", "size": 3}, b"abc")
send({"type": "result", "size": 2}, b"{}")
"""
