"""A host whose Docker Engine goes away."""

import asyncio
from collections.abc import Awaitable, Callable

import docker
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
        await until(lambda: other_side.claims_of(attempt) and host.events("attempt.started"))
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
