"""A host inside the test's own process: its loop is watched."""

import asyncio
import hashlib
import logging
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from airlock_agents.host import artifact_cache, claims
from airlock_agents.host import attempts as pipeline
from airlock_agents.host.app import serve
from airlock_agents.host.attempt import Attempt
from airlock_agents.host.exchange import Exchange
from airlock_agents.host.identity import Identity
from airlock_agents.host.runner import MOST_SURPRISES
from airlock_agents.sandbox import sandbox
from airlock_agents.sandbox.docker import Containers
from airlock_agents.settings import Settings
from airlock_contracts.messages import ClaimReply, ClaimRequest, ReportStatus
from fake_orchestration import TRACEPARENT, FakeOrchestration, until
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

PYTHON = ["python3", "-I", "-c"]
ECHO = [*PYTHON, "import sys; sys.stdout.write(sys.stdin.read())"]
FOREVER = [*PYTHON, "import time; time.sleep(300)"]
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


@pytest.fixture
async def host_in_here(
    other_side: FakeOrchestration, host_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """A host's name, while it runs; at the end it is asked to stop and must do so well."""
    for name, value in host_settings.items():
        monkeypatch.setenv(name, value)
    settings = await asyncio.to_thread(Settings.load)
    await asyncio.to_thread(Path(settings.data_dir).mkdir)
    identity = Identity(str(settings.host_name), "boot-1", settings.install, settings.pool, "0.0.0")
    serving = asyncio.create_task(serve(settings, identity, os.environ))
    await until(lambda: other_side.beats or serving.done())
    yield identity.host
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(serving, 20) == 0


def has_ended(recorded: InMemorySpanExporter) -> bool:
    """Whether an attempt's own span has ended with its end, which comes behind its report."""
    ends = [span.attributes for span in recorded.get_finished_spans() if span.name == "process invocations"]
    return any(end and end["airlock.status"] in ("SUCCESS", "FAILED") for end in ends)


async def test_nothing_in_a_host_blocks_its_loop(
    other_side: FakeOrchestration, host_in_here: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = b"0123456789" * 300_000
    digest = hashlib.sha256(data).hexdigest()
    other_side.artifacts[digest] = data
    document = {
        "file": {"artifact": f"sha256:{digest}", "size": len(data), "media_type": "application/x-tar"}
    }
    reads = other_side.register([*PYTHON, AIRLOCK_1], protocol="airlock/1")
    attempts = [await other_side.dispatch(reads, document)]
    attempts.append(await other_side.dispatch(other_side.register(ECHO), claim_first=True))
    attempts.append(await other_side.dispatch(other_side.register(FOREVER), timeout=1.0))
    ends = [(await other_side.report_of(attempt))[0].status for attempt in attempts]
    assert ends == [ReportStatus.SUCCESS, ReportStatus.SUCCESS, ReportStatus.FAILED]
    await until(lambda: not other_side.beats[-1].held)
    # A handler that was stopped for blocking is logged, and its message comes again.
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.usefixtures("host_in_here")
async def test_a_quick_attempt_without_effects_is_never_claimed(
    other_side: FakeOrchestration, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Also on a machine where none is quick.
    monkeypatch.setattr(pipeline, "CLAIM_AFTER_SECONDS", 60.0)
    monkeypatch.setattr(pipeline, "CLAIM_OPENING_SECONDS", 60.0)
    attempt = await other_side.dispatch(other_side.register(ECHO), {"n": 1})
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS
    assert not other_side.claims_of(attempt)


async def test_an_agent_that_breaks_its_host_again_and_again_has_failed_however_slow_its_engine_is(
    other_side: FakeOrchestration, host_in_here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, reported, rightly = 0, asyncio.Event(), Containers.remove

    async def remove_once_reported(self: Containers, container: str) -> None:
        if tries == MOST_SURPRISES:
            await reported.wait()
        await rightly(self, container)

    async def break_down(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError("nobody foresaw this")

    def grant_the_last(request: ClaimRequest) -> ClaimReply | None:
        return other_side.granted(request) if tries >= MOST_SURPRISES else None

    other_side.grant = grant_the_last
    monkeypatch.setattr(Exchange, "artifact", break_down)
    monkeypatch.setattr(Containers, "remove", remove_once_reported)
    monkeypatch.setattr(sandbox, "CLEANUP_SECONDS", 90.0)
    code = "\n".join(line for line in AIRLOCK_1.splitlines() if "stdin.buffer.read(" not in line)
    attempt = await other_side.dispatch(other_side.register([*PYTHON, code], protocol="airlock/1"))
    async with asyncio.timeout(85):  # and not only when nobody waits for the removal any more
        report, _ = await other_side.report_of(attempt)
    reported.set()
    assert report.status is ReportStatus.FAILED
    assert report.failure is not None
    assert (report.failure.code, report.failure.retryable) == ("internal", True)
    assert "nobody foresaw this" in report.failure.message
    assert tries == MOST_SURPRISES
    assert other_side.claims_of(attempt)
    taken = report.usage  # it was there, and it was paid for
    assert None not in (taken.queued_ms, taken.start_ms, taken.run_ms, taken.cpu_ms)


@pytest.mark.parametrize("action", ["go", "another"], ids=["starts", "cannot start"])
async def test_what_is_told_of_an_attempt_stands_below_what_is_told_however_often_it_came(
    action: str,
    other_side: FakeOrchestration,
    recorded_spans: InMemorySpanExporter,
    host_in_here: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patiently, asked = claims.Claims.claim, 0

    async def ask_once(self: claims.Claims, attempt: Attempt, *, patience_seconds: float) -> None:
        await patiently(self, attempt, patience_seconds=0.0)

    monkeypatch.setattr(claims.Claims, "claim", ask_once)
    monkeypatch.setattr(claims, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(pipeline, "CLAIM_SECONDS", 0.0)

    def grant_the_fourth(request: ClaimRequest) -> ClaimReply | None:
        nonlocal asked
        asked += 1
        return other_side.granted(request) if asked > 3 else None

    other_side.grant = grant_the_fourth
    agent = other_side.register(ECHO, actions={action: {"input_schema": {}, "output_schema": {}}})
    attempt = await other_side.dispatch(agent, claim_first=True)
    await other_side.report_of(attempt)
    await until(lambda: has_ended(recorded_spans))
    spans = recorded_spans.get_finished_spans()
    known = {span.context.span_id for span in spans if span.context}
    above = {span.parent.span_id for span in spans if span.parent}
    assert above - known == {int(TRACEPARENT.split("-")[2], 16)}
    assert [span.name for span in spans].count("attempt.claim") == asked


async def test_what_an_attempt_asks_of_rest_stands_below_what_is_told_however_often_it_came(
    other_side: FakeOrchestration,
    recorded_spans: InMemorySpanExporter,
    host_in_here: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digest = hashlib.sha256(b"given").hexdigest()
    other_side.artifacts[digest] = b"given"
    rightly = artifact_cache.write_file

    def fetches() -> list[str]:
        return [headers["traceparent"] for _, path, headers in other_side.asked if path.endswith(digest)]

    async def write_the_fourth(path: Path, chunks: AsyncIterator[bytes], *, limit: int) -> tuple[str, int]:
        if len(fetches()) < 3:
            async for _ in chunks:
                pass
            raise OSError("disk full")
        return await rightly(path, chunks, limit=limit)

    monkeypatch.setattr(artifact_cache, "write_file", write_the_fourth)
    monkeypatch.setattr(pipeline, "DISK_SECONDS", 0.0)
    given = {"file": {"artifact": f"sha256:{digest}", "size": 5, "media_type": "text/plain"}}
    reads = other_side.register([*PYTHON, AIRLOCK_1], protocol="airlock/1")
    await other_side.report_of(await other_side.dispatch(reads, given))
    await until(lambda: has_ended(recorded_spans))
    told = [span.context.span_id for span in recorded_spans.get_finished_spans() if span.context]
    told.append(int(TRACEPARENT.split("-")[2], 16))
    asked_below = [int(traceparent.split("-")[2], 16) for traceparent in fetches()]
    assert len(asked_below) == 4
    assert set(asked_below) <= set(told)
