"""What heartbeats say, and what their answers do; cancels; reports that survive."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import docker
from airlock_contracts.failures import FailureKind
from airlock_contracts.messages import Holding, ReportStatus
from fake_orchestration import FakeOrchestration, until
from host_process import HostProcess

StartHost = Callable[..., Awaitable[HostProcess]]

PYTHON = ["python3", "-I", "-c"]
ECHO = [*PYTHON, "import sys; sys.stdout.write(sys.stdin.read())"]
FOREVER = [*PYTHON, "import time; time.sleep(300)"]


def sandboxes_of(client: docker.DockerClient, host: HostProcess) -> int:
    """Containers of that host, of any state."""
    label = f"airlock.host={host.settings['AIRLOCK_HOST_NAME']}"
    return len(client.containers.list(all=True, filters={"label": label}, ignore_removed=True))


def spooled(host: HostProcess) -> list[Path]:
    """Reports on the host's disk."""
    return list((Path(host.settings["AIRLOCK_DATA_DIR"]) / "reports").glob("*.report"))


async def test_a_host_is_listed_at_once_with_what_it_can_do(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host(slots="3", memory_mb="777")
    beat = other_side.beats[0]
    assert beat.at is not None  # for who compares clocks
    assert abs((datetime.now(UTC) - beat.at).total_seconds()) < 60
    assert (beat.host, beat.pool, beat.slots) == (host.settings["AIRLOCK_HOST_NAME"], "default", 3)
    assert (beat.memory_mb, beat.busy, beat.draining) == (777, 0, False)


async def test_a_lost_attempt_is_killed_and_not_reported(
    other_side: FakeOrchestration, start_host: StartHost, docker_client: docker.DockerClient
) -> None:
    host = await start_host()
    attempt = await other_side.dispatch(other_side.register(FOREVER))
    await until(lambda: other_side.claims_of(attempt))
    other_side.holdings[attempt] = Holding.LOST
    await until(lambda: host.events("attempt.ended"))
    assert await asyncio.to_thread(sandboxes_of, docker_client, host) == 0
    await until(lambda: other_side.beats[-1].busy == 0)
    assert not other_side.reports_of(attempt)


async def test_a_cancelled_attempt_is_killed_and_reported_as_cancelled(
    other_side: FakeOrchestration, start_host: StartHost, docker_client: docker.DockerClient
) -> None:
    host = await start_host()
    attempt = await other_side.dispatch(other_side.register(FOREVER))
    await until(lambda: other_side.claims_of(attempt))
    await until(lambda: host.events("attempt.started"))
    await other_side.cancel(attempt)
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.CANCELLED
    assert report.failure is not None
    assert report.failure.kind is FailureKind.CANCELLED
    # What it took is told all the same: it was there, and it was paid for. Its counts are where the engine's
    # cgroups are to be seen, as on every machine whose engine is its own.
    taken = report.usage
    assert None not in (taken.queued_ms, taken.start_ms, taken.run_ms, taken.peak_memory_bytes)
    assert taken.cpu_ms is not None
    assert 0 < taken.cpu_ms
    assert await asyncio.to_thread(sandboxes_of, docker_client, host) == 0


async def test_a_cancel_that_was_not_heard_comes_with_the_next_heartbeat(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    attempt = await other_side.dispatch(other_side.register(FOREVER))
    await until(lambda: other_side.claims_of(attempt))
    other_side.holdings[attempt] = Holding.CANCELLED
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.CANCELLED


async def test_a_report_stays_on_disk_until_it_is_settled(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    attempt = await other_side.dispatch(other_side.register(ECHO))
    other_side.holdings[attempt] = Holding.HELD
    await other_side.report_of(attempt)
    await until(lambda: any(one.reporting for one in other_side.beats[-1].held))
    (kept,) = spooled(host)
    assert kept.stat().st_mode & 0o777 == 0o600
    other_side.holdings[attempt] = Holding.SETTLED
    await until(lambda: not spooled(host))
    await until(lambda: not other_side.beats[-1].held)


async def test_a_report_that_was_lost_on_the_way_is_published_again(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    attempt = await other_side.dispatch(other_side.register(ECHO))
    other_side.holdings[attempt] = Holding.UNCLAIMED
    await other_side.report_of(attempt)
    # The stream and all it knew are gone, as after the loss of the JetStream folder.
    await other_side.bus.jetstream.delete_stream(other_side.subjects.reports_stream)
    await until(lambda: len(other_side.reports_of(attempt)) == 2, seconds=40)
    first, second = other_side.reports_of(attempt)
    assert first == second


async def test_a_killed_host_publishes_its_reports_at_the_next_start(
    other_side: FakeOrchestration, start_host: StartHost, docker_client: docker.DockerClient
) -> None:
    host = await start_host()
    done = await other_side.dispatch(other_side.register(ECHO))
    other_side.holdings[done] = Holding.HELD
    first, _ = await other_side.report_of(done)
    await until(lambda: spooled(host))
    running = await other_side.dispatch(other_side.register(FOREVER))
    await until(lambda: other_side.claims_of(running))
    await host.kill()
    assert await asyncio.to_thread(sandboxes_of, docker_client, host) == 1
    await other_side.bus.jetstream.purge_stream(other_side.subjects.reports_stream)
    await other_side.bus.jetstream.delete_stream(other_side.subjects.reports_stream)
    again = await start_host()
    await until(lambda: len(other_side.reports_of(done)) == 2, seconds=40)
    assert other_side.reports_of(done)[1][0].token == first.token
    assert await asyncio.to_thread(sandboxes_of, docker_client, again) == 0
    beats = [beat for beat in other_side.beats if beat.boot == other_side.beats[-1].boot]
    assert beats[0].boot != other_side.beats[0].boot
    assert not any(str(one.attempt) == running for beat in beats for one in beat.held)


async def test_drain_lets_a_short_attempt_finish(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    attempt = await other_side.dispatch(
        other_side.register([*PYTHON, "import time; time.sleep(2); print('{}')"])
    )
    await until(lambda: other_side.claims_of(attempt))
    host.signal(signal.SIGTERM)
    await until(lambda: host.events("process.stopping"))
    later = await other_side.dispatch(other_side.register(ECHO))
    assert await host.wait() == 0
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS
    assert not other_side.reports_of(later)
    assert other_side.beats[-1].draining


async def test_drain_hands_back_what_it_cannot_finish_and_never_claimed(
    other_side: FakeOrchestration, start_host: StartHost, docker_client: docker.DockerClient
) -> None:
    other_side.grant = lambda request: None
    host = await start_host(drain_seconds="1")
    attempt = await other_side.dispatch(other_side.register(FOREVER))
    await until(lambda: other_side.claims_of(attempt))
    assert await host.stop() == 0
    assert await asyncio.to_thread(sandboxes_of, docker_client, host) == 0
    assert not other_side.reports_of(attempt)
    other_side.grant = other_side.granted
    await start_host()
    await until(lambda: len({claim.token for claim in other_side.claims_of(attempt)}) == 2, seconds=10)


async def test_drain_leaves_what_was_claimed_to_its_lease(
    other_side: FakeOrchestration, start_host: StartHost, docker_client: docker.DockerClient
) -> None:
    host = await start_host(drain_seconds="1")
    attempt = await other_side.dispatch(other_side.register(FOREVER))
    await until(lambda: other_side.claims_of(attempt))
    await until(lambda: host.events("attempt.started"))
    assert await host.stop() == 0
    assert await asyncio.to_thread(sandboxes_of, docker_client, host) == 0
    assert not other_side.reports_of(attempt)
    assert await other_side.waiting_invocations() == 0
