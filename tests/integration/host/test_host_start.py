"""How a host starts, or says in one line why not."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fake_orchestration import FakeOrchestration, until
from host_process import HostProcess

StartHost = Callable[..., Awaitable[HostProcess]]


MISSPELT = {"AIRLOCK_SLOT": "2"}


async def seconds_until_1(host: HostProcess) -> float:
    """Start a host; answers after how many seconds it ended with exit code 1."""
    began = time.monotonic()
    await host.start()
    assert await host.wait(100) == 1
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"AIRLOCK_NATS_URL": "nats://127.0.0.1:1"}, "NATS at nats://127.0.0.1:1 does not answer"),
        ({"AIRLOCK_API_URL": "http://127.0.0.1:1"}, "REST at http://127.0.0.1:1 does not answer"),
        ({"AIRLOCK_HOST_TOKEN_FILE": "", "AIRLOCK_HOST_TOKEN": "wrong-token"}, "refused the host's token"),
        ({"DOCKER_HOST": "unix:///nowhere/docker.sock"}, "Docker Engine stopped"),
        ({"AIRLOCK_SLOTS": "none"}, "AIRLOCK_SLOTS"),
        (MISSPELT, "AIRLOCK_SLOT is no setting: did you mean AIRLOCK_SLOTS?"),
    ],
)
async def test_what_is_given_and_does_not_answer_ends_the_start_with_one_line(
    changed: dict[str, str], said: str, host_settings: dict[str, str], tmp_path: Path
) -> None:
    host = HostProcess(host_settings | changed, tmp_path / "host.log")
    took = await seconds_until_1(host)
    # What the interpreter takes to begin, on a machine as busy as this one is now.
    at_least = await seconds_until_1(HostProcess(host_settings | MISSPELT, tmp_path / "at-least.log"))
    assert took - at_least < 10
    lines = [line for line in host.output().splitlines() if line.startswith("airlock: ")]
    assert len(lines) == 1
    assert said in lines[0]


async def test_a_second_host_on_the_same_data_folder_is_refused(
    start_host: StartHost, host_settings: dict[str, str], tmp_path: Path
) -> None:
    await start_host()
    second = HostProcess(host_settings, tmp_path / "second.log")
    await second.start()
    assert await second.wait(60) == 1
    assert "another host runs on the data folder" in second.output()


async def test_a_name_that_nobody_set_is_made_up_once_and_kept(
    start_host: StartHost, other_side: FakeOrchestration, host_settings: dict[str, str]
) -> None:
    del host_settings["AIRLOCK_HOST_NAME"]
    host = await start_host()
    name = other_side.beats[-1].host
    assert await host.stop() == 0
    await start_host()
    assert other_side.beats[-1].host == name


async def test_health_and_metrics_are_served_while_it_works(start_host: StartHost) -> None:
    host = await start_host()
    await until(lambda: host.events("health.listening"))
    address, _, port = host.events("health.listening")[0]["address"].rpartition(":")

    async def get(path: str) -> str:
        reader, writer = await asyncio.open_connection(address, int(port))
        writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        text = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        return text

    async with asyncio.timeout(20):
        while "200 OK" not in (ready := await get("/health/ready")):
            await asyncio.sleep(0.05)
    assert '"ready":true' in ready
    assert "event_loop_lag_seconds" in await get("/metrics")
