"""What comes twice, what is away for a while, and a disk that refuses."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from airlock_contracts.messages import Holding, ReportStatus
from fake_orchestration import FakeOrchestration, until
from host_process import HostProcess

StartHost = Callable[..., Awaitable[HostProcess]]

PYTHON = ["python3", "-I", "-c"]
ECHO = [*PYTHON, "import sys; sys.stdout.write(sys.stdin.read())"]
SLOW = [*PYTHON, "import time; time.sleep(10); print('{}')"]
MAKES = [
    *PYTHON,
    """
import sys, json
def send(header, body=b""):
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\\n" + body); sys.stdout.buffer.flush()
send({"type": "ready", "protocol": "airlock/1", "sdk": "0"})
sys.stdin.buffer.readline()
send({"type": "artifact", "name": "out.bin", "media_type": "text/plain", "size": 3}, b"abc")
send({"type": "result", "size": 2}, b"{}")
""",
]


async def test_an_attempt_that_is_sent_again_while_it_runs_runs_once(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    attempt = await other_side.dispatch(other_side.register(SLOW))
    await until(lambda: other_side.claims_of(attempt))
    async with asyncio.timeout(10):
        while await other_side.waiting_invocations():
            await asyncio.sleep(0.02)
    await other_side.send(attempt)
    await until(lambda: host.events("attempt.delivered_again"))
    await other_side.report_of(attempt)
    assert len(host.events("attempt.started")) == 1
    assert len(other_side.reports_of(attempt)) == 1
    assert await other_side.waiting_invocations() == 0


async def test_an_attempt_that_is_sent_again_after_its_end_is_answered_from_its_report(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    attempt = await other_side.dispatch(other_side.register(ECHO))
    other_side.holdings[attempt] = Holding.HELD
    await other_side.report_of(attempt)
    async with asyncio.timeout(10):
        while await other_side.waiting_invocations():
            await asyncio.sleep(0.02)
    await other_side.send(attempt)
    async with asyncio.timeout(10):
        while not host.events("report.asked_again") or await other_side.waiting_invocations():
            await asyncio.sleep(0.02)
    assert len(host.events("attempt.started")) == 1


async def test_a_registration_that_cannot_be_had_now_is_had_later(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    other_side.refusals = [503]
    attempt = await other_side.dispatch(other_side.register(ECHO))
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS
    assert "no registration" in host.events("attempt.handed_back")[0]["reason"]


async def test_an_artifact_that_cannot_be_put_now_is_put_again(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    agent = other_side.register(MAKES, protocol="airlock/1")
    await other_side.report_of(await other_side.dispatch(agent))
    other_side.refusals = [429, 503]
    report, _ = await other_side.report_of(await other_side.dispatch(agent))
    assert report.status is ReportStatus.SUCCESS
    assert len(report.artifacts) == 1
    assert len(host.events("artifact.put_again")) == 2


async def test_an_artifact_that_is_refused_ends_the_attempt(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    agent = other_side.register(MAKES, protocol="airlock/1")
    await other_side.report_of(await other_side.dispatch(agent))
    other_side.refusals = [413]
    report, _ = await other_side.report_of(await other_side.dispatch(agent))
    assert report.status is ReportStatus.FAILED
    assert report.failure is not None
    assert "413" in report.failure.message
    taken = report.usage  # it was there, and it was paid for
    assert None not in (taken.queued_ms, taken.start_ms, taken.run_ms, taken.cpu_ms)


async def test_a_disk_that_refuses_costs_no_report(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    folder = Path(host.settings["AIRLOCK_DATA_DIR"]) / "reports"
    await asyncio.to_thread(shutil.rmtree, folder)
    attempt = await other_side.dispatch(other_side.register(ECHO))
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS
    await until(lambda: host.events("report.not_on_disk"))
    await until(lambda: not other_side.beats[-1].held)
