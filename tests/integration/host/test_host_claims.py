"""Who may start what, and when: claims, refusals, and what an approval binds."""

import asyncio
from collections.abc import Awaitable, Callable

import docker
from airlock_contracts.failures import FailureKind
from airlock_contracts.messages import ClaimAnswer, ClaimReply, ReportStatus
from fake_orchestration import LEASE_SECONDS, FakeOrchestration, until
from host_process import HostProcess

StartHost = Callable[..., Awaitable[HostProcess]]

PYTHON = ["python3", "-I", "-c"]
ECHO = [*PYTHON, "import sys; sys.stdout.write(sys.stdin.read())"]
SLOW = [*PYTHON, "import time; time.sleep(5); print('{}')"]
FOREVER = [*PYTHON, "import time; time.sleep(300)"]


def sandboxes_of(client: docker.DockerClient, host: HostProcess) -> int:
    """Containers of that host, of any state."""
    label = f"airlock.host={host.settings['AIRLOCK_HOST_NAME']}"
    return len(client.containers.list(all=True, filters={"label": label}, ignore_removed=True))


async def test_a_gated_attempt_starts_only_once_its_claim_is_granted(
    other_side: FakeOrchestration, start_host: StartHost, docker_client: docker.DockerClient
) -> None:
    answers: list[ClaimReply | None] = [None, None]
    other_side.grant = lambda request: answers.pop() if answers else other_side.granted(request)
    host = await start_host()
    attempt = await other_side.dispatch(other_side.register(ECHO), claim_first=True)
    await until(lambda: other_side.claims_of(attempt))
    assert await asyncio.to_thread(sandboxes_of, docker_client, host) == 0
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS
    tokens = {claim.token for claim in other_side.claims_of(attempt)}
    assert tokens == {report.token}
    assert len(other_side.claims_of(attempt)) == 3


async def test_an_action_that_needs_approval_is_claimed_first_whatever_the_message_says(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    other_side.grant = other_side.refused
    host = await start_host()
    agent = other_side.register(ECHO, risk_level="APPROVAL_REQUIRED")
    attempt = await other_side.dispatch(agent, claim_first=False)
    await until(lambda: host.events("claim.refused"))
    assert len(other_side.claims_of(attempt)) == 1
    assert not other_side.reports_of(attempt)


async def test_another_payload_than_the_granted_one_never_starts(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    other_side.grant = lambda request: ClaimReply(
        answer=ClaimAnswer.GRANTED, payload_sha256="0" * 64, lease_seconds=LEASE_SECONDS
    )
    host = await start_host()
    attempt = await other_side.dispatch(other_side.register(ECHO), claim_first=True)
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.FAILED
    assert report.failure is not None
    assert report.failure.kind is FailureKind.INTERNAL
    assert report.usage.start_ms is None
    assert host.events("payload.mismatch")


async def test_a_refused_claim_is_dropped_and_acked(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    other_side.grant = other_side.refused
    host = await start_host()
    attempt = await other_side.dispatch(other_side.register(ECHO), claim_first=True)
    await until(lambda: host.events("claim.refused"))
    async with asyncio.timeout(10):
        while await other_side.waiting_invocations():
            await asyncio.sleep(0.02)
    assert not other_side.reports_of(attempt)


async def test_an_attempt_without_effects_that_takes_longer_is_claimed_while_it_runs(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    attempt = await other_side.dispatch(other_side.register(SLOW))
    await until(lambda: other_side.claims_of(attempt))
    assert not other_side.reports_of(attempt)
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS
    assert report.token == other_side.claims_of(attempt)[0].token


async def test_a_late_claim_that_is_refused_ends_the_sandbox_and_reports_nothing(
    other_side: FakeOrchestration, start_host: StartHost, docker_client: docker.DockerClient
) -> None:
    other_side.grant = other_side.refused
    host = await start_host()
    attempt = await other_side.dispatch(other_side.register(FOREVER))
    await until(lambda: host.events("claim.refused"))
    assert await asyncio.to_thread(sandboxes_of, docker_client, host) == 0
    assert not other_side.reports_of(attempt)
    assert await other_side.waiting_invocations() == 0


async def test_no_answer_to_a_late_claim_does_not_hold_up_the_attempt(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    other_side.grant = lambda request: None
    await start_host()
    attempt = await other_side.dispatch(other_side.register(SLOW))
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS
