"""Attempts on a real host, in real sandboxes."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from airlock_chassis.bus import NoAnswer
from airlock_contracts.failures import FailureKind
from airlock_contracts.messages import ReportStatus
from fake_orchestration import TRACEPARENT, FakeOrchestration, until
from host_process import HostProcess

StartHost = Callable[..., Awaitable[HostProcess]]

PYTHON = ["python3", "-I", "-c"]
ECHO = [*PYTHON, "import sys; sys.stdout.write(sys.stdin.read())"]
TALK = [
    *PYTHON,
    """
import sys, json
def send(header, body=b""):
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\\n" + body); sys.stdout.buffer.flush()
send({"type": "ready", "protocol": "airlock/1", "sdk": "0"})
request = json.loads(sys.stdin.buffer.readline())
sys.stdin.buffer.read(request["size"])
got = b"".join(sys.stdin.buffer.read(one["size"]) for one in request["artifacts"])
send({"type": "log", "level": "warning", "message": "working", "fields": {"bytes": len(got)}})
made = got[::-1]
send({"type": "artifact", "name": "out.bin", "media_type": "text/plain", "size": len(made)}, made)
told = {"trace": request["traceparent"], "got": len(got), "deadline": request["deadline"]}
answer = json.dumps(told).encode()
send({"type": "result", "size": len(answer)}, answer)
""",
]


async def test_a_quick_attempt_without_effects_is_reported(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    attempt = await other_side.dispatch(other_side.register(ECHO), {"n": 1})
    report, body = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS, host.output()
    assert json.loads(body) == {"n": 1}
    assert report.host == host.settings["AIRLOCK_HOST_NAME"]
    assert report.usage.start_ms
    await until(lambda: host.events("attempt.finished"))
    (finished,) = host.events("attempt.finished")
    assert f"{finished['run']}/{finished['node']}/{finished['attempt']}" == attempt
    assert finished["agent"] == "test-agent@1.0.0"
    assert finished["host"] == report.host
    assert finished["trace_id"] == TRACEPARENT.split("-")[1]


async def test_artifacts_go_in_and_out_and_are_there_before_the_report(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    data = b"0123456789" * 200_000
    digest = hashlib.sha256(data).hexdigest()
    other_side.artifacts[digest] = data
    document = {
        "file": {"artifact": f"sha256:{digest}", "size": len(data), "media_type": "application/x-tar"}
    }
    attempt = await other_side.dispatch(other_side.register(TALK, protocol="airlock/1"), document)
    report, body = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS, host.output()
    answer = json.loads(body)
    assert answer["got"] == len(data)
    assert answer["trace"].split("-")[1] == TRACEPARENT.split("-")[1]
    left = datetime.fromisoformat(answer["deadline"]) - datetime.now(UTC)
    assert 0 < left.total_seconds() < 300
    (made,) = report.artifacts
    assert other_side.artifacts[made.sha256] == data[::-1]
    ((_, headers),) = other_side.puts
    assert headers["airlock-attempt"] == attempt
    assert headers["content-type"] == "text/plain"
    assert other_side.report_headers[-1]["traceparent"].split("-")[1] == TRACEPARENT.split("-")[1]
    (line,) = host.events("agent.log")
    assert line["message"] == "working"
    assert line["fields"] == {"bytes": len(data)}


async def test_an_input_whose_artifact_is_gone_fails_without_starting(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    document = {"file": {"artifact": f"sha256:{'0' * 64}", "size": 3, "media_type": "application/x-tar"}}
    attempt = await other_side.dispatch(other_side.register(TALK, protocol="airlock/1"), document)
    report, _ = await other_side.report_of(attempt)
    assert report.failure is not None
    assert report.failure.code == "input.unknown_artifact"


async def test_an_artifact_with_other_bytes_than_its_digest_never_reaches_the_agent(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    other_side.artifacts["1" * 64] = b"abc"
    document = {"file": {"artifact": f"sha256:{'1' * 64}", "size": 3, "media_type": "application/x-tar"}}
    attempt = await other_side.dispatch(other_side.register(TALK, protocol="airlock/1"), document)
    report, _ = await other_side.report_of(attempt)
    assert report.failure is not None
    assert report.failure.code == "input.unknown_artifact"
    assert report.usage.start_ms is None


async def test_a_failing_agent_is_reported_with_its_stderr_and_the_host_goes_on(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    broken = other_side.register([*PYTHON, "import sys; print('half'); sys.exit('no luck')"])
    attempt = await other_side.dispatch(broken)
    report, raw = await other_side.report_of(attempt)
    assert report.status is ReportStatus.FAILED
    assert report.failure is not None
    assert report.failure.code == "exit.nonzero"
    assert "no luck" in report.stderr_tail
    assert raw == b"half\n"
    assert any("no luck" in line["text"] for line in host.events("agent.stderr"))
    good, _ = await other_side.report_of(await other_side.dispatch(other_side.register(ECHO)))
    assert good.status is ReportStatus.SUCCESS


async def test_the_smaller_of_the_two_time_limits_counts(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    sleeper = other_side.register([*PYTHON, "import time; time.sleep(60)"], limits={"timeout_seconds": 30})
    report, _ = await other_side.report_of(await other_side.dispatch(sleeper, timeout=1.0))
    assert report.failure is not None
    assert report.failure.kind is FailureKind.TIMEOUT
    assert report.usage.run_ms is not None
    assert report.usage.run_ms < 5000


async def test_more_slots_than_there_are_never_run(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host(slots="2")
    slow = other_side.register([*PYTHON, "import time; time.sleep(1); print('{}')"])
    attempts = [await other_side.dispatch(slow) for _ in range(5)]
    for attempt in attempts:
        await other_side.report_of(attempt)
    running, most = 0, 0
    for line in host.events():
        running += {"attempt.started": 1, "attempt.finished": -1}.get(line["event"], 0)
        most = max(most, running)
    assert most == 2
    assert max(beat.busy for beat in other_side.beats) <= 2


async def test_what_does_not_fit_into_memory_waits_although_slots_are_free(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host(slots="4", memory_mb="200")
    large = other_side.register(
        [*PYTHON, "import time; time.sleep(1); print('{}')"], limits={"memory_mb": 150}
    )
    attempts = [await other_side.dispatch(large) for _ in range(2)]
    for attempt in attempts:
        report, _ = await other_side.report_of(attempt)
        assert report.status is ReportStatus.SUCCESS
    back = [line["level"] for line in host.events("attempt.handed_back") if "NoRoom" in line["reason"]]
    assert back == ["info", *["debug"] * (len(back) - 1)]
    assert len(host.events("attempt.started")) == 2


async def test_a_host_without_the_image_hands_back_and_says_so(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    other_side.image = f"sha256:{'9' * 64}"
    attempt = await other_side.dispatch(other_side.register(ECHO))
    await until(lambda: other_side.beats[-1].missing_images == ["test-agent@1.0.0"])
    assert host.events("attempt.handed_back")
    assert not other_side.reports_of(attempt)
    assert await other_side.waiting_invocations() == 1


async def test_a_registration_that_is_not_what_its_hash_says_never_runs(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    agent = other_side.register(ECHO)
    forged = agent.model_copy(update={"manifest": agent.manifest.model_copy(update={"command": ["sh"]})})
    other_side.agents[agent.id] = forged
    report, _ = await other_side.report_of(await other_side.dispatch(agent))
    assert report.failure is not None
    assert report.failure.kind is FailureKind.INTERNAL
    assert report.usage.start_ms is None


async def test_an_agent_version_that_nobody_knows_ends_the_attempt(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    agent = other_side.register(ECHO)
    del other_side.agents[agent.id]
    report, _ = await other_side.report_of(await other_side.dispatch(agent))
    assert report.failure is not None
    assert report.failure.code == "internal"
    assert agent.id in report.failure.message


async def test_an_unreadable_message_goes_to_the_dead_letters(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    subject = f"{other_side.subjects.prefix}.invocations.default.run.scan.1"
    await other_side.publisher.publish(subject, b"rubbish")
    name = other_side.subjects.dead_letters_stream

    async def buried() -> int:
        return int((await other_side.bus.jetstream.stream_info(name)).state.messages)

    while not await buried() or await other_side.waiting_invocations():  # bounded by the test's own time
        await asyncio.sleep(0.05)


async def test_a_host_answers_for_images_of_its_pool_alone(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    await start_host()
    found = await other_side.ask_image("default", other_side.image)
    assert found.digest == other_side.image
    missing = await other_side.ask_image("default", "no-such-image:1")
    assert missing.digest is None
    assert "no-such-image" in (missing.problem or "")
    nonsense = await other_side.ask_image("default", "No Image At All:!")
    assert nonsense.digest is None
    assert nonsense.problem
    with pytest.raises(NoAnswer):
        await other_side.ask_image("another", other_side.image, timeout=1.0)
