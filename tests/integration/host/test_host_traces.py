"""An attempt's part of its run's trace: what the host did, what the agent said it did, what became of it."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from airlock_contracts.messages import ReportStatus
from fake_orchestration import TRACEPARENT, FakeOrchestration, until
from host_process import HostProcess
from otlp_spans import Seen, Sink, otlp_sink, tree

StartHost = Callable[..., Awaitable[HostProcess]]
_, TRACE, SENT, _ = TRACEPARENT.split("-")
PYTHON = ["python3", "-I", "-c"]
SPANS = """
from airlock_sdk import Agent
agent = Agent()
@agent.action("go")
def go(inputs, ctx):
    with ctx.span("read", files=2):
        with ctx.span("parse", password="hunter2") as parse:
            parse.fail("syntax")
    return {"traceparent": ctx.traceparent}
agent.run()
"""
SLOW = """
import time
from airlock_sdk import Agent
agent = Agent()
@agent.action("go")
def go(inputs, ctx):
    with ctx.span("finished"):
        pass
    with ctx.span("never finished"):
        ctx.log("info", "at work")
        time.sleep(60)
agent.run()
"""
MAKER = """
from airlock_sdk import Agent
agent = Agent()
@agent.action("go")
def go(inputs, ctx):
    return {"made": ctx.put_artifact("made.txt", ctx.artifact("/file").read_bytes() * 2, "text/plain")}
agent.run()
"""
HOSTILE = r"""
import json, sys
out = sys.stdout.buffer
def send(header, body=b""): out.write(json.dumps(header).encode() + b"\n" + body)
send({"type": "ready", "protocol": "airlock/1", "sdk": "0"}); out.flush()
header = json.loads(sys.stdin.buffer.readline())
sys.stdin.buffer.read(header["size"])
mine = header["traceparent"].split("-")[2]
def span(id, name, **changed):
    send({"type": "span", "name": name, "id": id, "start": "1970-01-01T00:00:00Z",
          "end": "9999-12-31T23:59:59Z", **changed})
span(mine, "the host's own")
span("a" * 16, "below itself", parent="a" * 16)
span("b" * 16, "one of a circle", parent="c" * 16)
span("c" * 16, "the other", parent="b" * 16)
span("d" * 16, "an orphan", parent="e" * 16)
for number in range(300): span(f"{number + 1:016x}", "again")
answer = json.dumps(header["accepts"]).encode()
send({"type": "result", "size": len(answer)}, answer); out.flush()
"""
ENVIRONMENT = [
    *PYTHON,
    "import json, os, sys; json.dump([dict(os.environ), json.load(sys.stdin)], sys.stdout)",
]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with otlp_sink() as made:
        yield made


def attempt_of(sink: Sink, attempt: str) -> list[Seen]:
    """The spans of one attempt: that of its message, and all below it."""
    run, node, _ = attempt.split("/")
    kept = [
        one for one in sink.trace(TRACE) if one.attributes.get("airlock.run") == run and one.parent == SENT
    ]
    assert [one.attributes["airlock.node"] for one in kept] == [node] * len(kept)
    ids = {one.id for one in kept}
    while more := [one for one in sink.trace(TRACE) if one.parent in ids and one.id not in ids]:
        kept += more
        ids |= {one.id for one in more}
    return sorted(kept, key=lambda one: one.start)


def named(spans: list[Seen], name: str) -> Seen:
    (found,) = [one for one in spans if one.name == name]
    return found


async def test_an_attempt_is_traced_step_by_step_into_the_sandbox_and_back(
    other_side: FakeOrchestration, start_host: StartHost, sink: Sink
) -> None:
    host = await start_host(otlp_endpoint=sink.endpoint)
    agent = other_side.register(["python3", "-c", SPANS], protocol="airlock/1")
    attempt = await other_side.dispatch(agent, claim_first=True)
    report, body = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS, host.output()
    assert await host.stop() == 0
    spans = attempt_of(sink, attempt)
    assert tree(spans) == "? " + "\n".join(
        [
            "process invocations",
            "  sandbox.wait",
            "  attempt.claim",
            "  sandbox.start",
            "  sandbox.run",
            "    read",
            "      parse !syntax",
            "  send reports",
        ]
    )
    ids = {one.id: one for one in spans}
    for one in spans[1:]:
        above = ids[one.parent]
        assert above.start <= one.start <= one.end <= above.end, one.name
    process, run = named(spans, "process invocations"), named(spans, "sandbox.run")
    sending, parse = named(spans, "send reports"), named(spans, "parse")
    assert (process.kind, sending.kind, named(spans, "attempt.claim").kind) == (
        "consumer",
        "producer",
        "client",
    )
    assert process.attributes["airlock.status"] == run.attributes["airlock.status"] == "SUCCESS"
    assert process.attributes["messaging.destination.name"] == "invocations"
    assert json.loads(body) == {"traceparent": f"00-{TRACE}-{run.id}-01"}
    assert other_side.report_headers[0]["traceparent"] == f"00-{TRACE}-{sending.id}-01"
    assert (parse.attributes["password"], parse.attributes["airlock.source"]) == ("***", "agent")
    assert parse.attributes["airlock.agent"] == agent.reference


async def test_whatever_an_agent_tells_hangs_below_its_own_attempt_and_within_its_time(
    other_side: FakeOrchestration, start_host: StartHost, sink: Sink
) -> None:
    host = await start_host(otlp_endpoint=sink.endpoint)
    attempt = await other_side.dispatch(other_side.register([*PYTHON, HOSTILE], protocol="airlock/1"))
    report, body = await other_side.report_of(attempt)
    assert (report.status, body) == (ReportStatus.SUCCESS, b'["span"]'), host.output()
    assert await host.stop() == 0
    spans = attempt_of(sink, attempt)
    run = named(spans, "sandbox.run")
    told = [one for one in spans if one.attributes.get("airlock.source") == "agent"]
    assert len(told) == 256
    assert {one.parent for one in told} == {run.id}
    assert len({one.id for one in spans}) == len(spans)
    assert all(run.start <= one.start <= one.end <= run.end for one in told)
    assert run.attributes["airlock.spans_dropped"] == 5 + 300 - 256
    (line,) = host.events("agent.spans_dropped")
    assert (line["spans"], line["run"], line["trace_id"]) == (49, attempt.split("/")[0], TRACE)


async def test_what_an_attempt_asks_of_rest_stands_below_the_step_that_needs_it(
    other_side: FakeOrchestration, start_host: StartHost, sink: Sink
) -> None:
    host = await start_host(otlp_endpoint=sink.endpoint)
    digest = hashlib.sha256(b"given").hexdigest()
    other_side.artifacts[digest] = b"given"
    agent = other_side.register(["python3", "-c", MAKER], protocol="airlock/1")
    given = {"file": {"artifact": f"sha256:{digest}", "size": 5, "media_type": "text/plain"}}
    attempt = await other_side.dispatch(agent, given)
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS, host.output()
    assert await host.stop() == 0
    spans = attempt_of(sink, attempt)
    of_step = {one.id: one.name for one in spans}
    asked = {
        (method, path): headers["traceparent"].split("-")
        for method, path, headers in other_side.asked
        if "traceparent" in headers
    }
    made = f"/api/artifacts/{hashlib.sha256(b'givengiven').hexdigest()}"
    assert {what: (trace, of_step[step], flags) for what, (_, trace, step, flags) in asked.items()} == {
        ("GET", f"/api/agents/versions/{agent.id}"): (TRACE, "sandbox.wait", "01"),
        ("GET", f"/api/artifacts/{digest}"): (TRACE, "sandbox.wait", "01"),
        ("PUT", made): (TRACE, "sandbox.run", "01"),
    }


async def test_what_became_of_an_attempt_is_told_as_what_it_is(
    other_side: FakeOrchestration, start_host: StartHost, sink: Sink
) -> None:
    host = await start_host(otlp_endpoint=sink.endpoint, memory_mb="256", slots="4")
    failing = await other_side.dispatch(other_side.register([*PYTHON, "raise SystemExit(3)"]))
    await other_side.report_of(failing)
    other_side.grant = other_side.refused
    refused = await other_side.dispatch(other_side.register([*PYTHON, "print({})"]), claim_first=True)
    await until(lambda: host.events("claim.refused"))
    other_side.grant = other_side.granted
    slow = other_side.register(["python3", "-c", SLOW], protocol="airlock/1", limits={"memory_mb": 256})
    cancelled = await other_side.dispatch(slow, claim_first=True)
    await until(lambda: host.events("agent.log"))
    full = await other_side.dispatch(slow, claim_first=True)
    await until(lambda: host.events("attempt.handed_back"))
    await other_side.cancel(cancelled)
    await other_side.report_of(cancelled)
    other_side.grant = other_side.refused
    await until(lambda: len(host.events("claim.refused")) == 2)
    assert await host.stop() == 0
    became = {
        attempt: [(one.attributes.get("airlock.status"), one.error) for one in spans if one.name == name]
        for attempt, name in (
            (failing, "process invocations"),
            (refused, "attempt.claim"),
            (cancelled, "process invocations"),
            (full, "sandbox.wait"),
        )
        if (spans := attempt_of(sink, attempt))
    }
    assert became[failing] == [("FAILED", "exit.nonzero")]
    assert became[refused] == [("REFUSED", None)]
    assert became[cancelled] == [("CANCELLED", None)]
    assert became[full][0] == ("HANDED_BACK", None)
    at_work = attempt_of(sink, cancelled)
    assert named(at_work, "sandbox.run").attributes["airlock.status"] == "CUT_SHORT"
    assert named(at_work, "finished").parent == named(at_work, "sandbox.run").id
    assert tree(attempt_of(sink, refused)).splitlines()[-1] == "  attempt.claim"


async def test_an_agent_that_speaks_stdio_is_told_nothing_of_the_trace(
    other_side: FakeOrchestration, start_host: StartHost, sink: Sink
) -> None:
    host = await start_host(otlp_endpoint=sink.endpoint)
    attempt = await other_side.dispatch(other_side.register(ENVIRONMENT), {"a": 1})
    _, body = await other_side.report_of(attempt)
    assert await host.stop() == 0
    environment, given = json.loads(body)
    assert given == {"a": 1}
    assert TRACE not in json.dumps(environment)
    assert named(attempt_of(sink, attempt), "sandbox.run").attributes["airlock.status"] == "SUCCESS"


async def test_without_a_collector_the_trace_goes_round_and_no_spans_are_asked_for(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    code = HOSTILE.replace('json.dumps(header["accepts"])', 'json.dumps([header["accepts"], mine])')
    attempt = await other_side.dispatch(other_side.register([*PYTHON, code], protocol="airlock/1"))
    _, body = await other_side.report_of(attempt)
    await asyncio.to_thread(host.output)
    assert json.loads(body) == [[], SENT]
    assert other_side.report_headers[0]["traceparent"] == TRACEPARENT
    carried = [headers.get("traceparent") for *_, headers in other_side.asked]
    assert carried == [None, TRACEPARENT]  # the host's own question at its start; the registration


def lines_of(host: HostProcess, event: str) -> list[dict[str, Any]]:
    """The lines of an event with the ids that each line about an attempt has."""
    return [
        {key: line.get(key) for key in ("run", "node", "attempt", "trace_id", "host")}
        for line in host.events(event)
    ]


async def test_a_message_that_nobody_can_read_is_named_by_run_node_and_attempt(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    subject = f"{other_side.subjects.prefix}.invocations.default.run-1.scan.2"
    headers = {"traceparent": TRACEPARENT}
    await other_side.publisher.publish(subject, b"rubbish", msg_id="rubbish", headers=headers)
    await until(lambda: host.events("message.dead_lettered"))
    name = host.settings["AIRLOCK_HOST_NAME"]
    expected = {"run": "run-1", "node": "scan", "attempt": 2, "trace_id": TRACE, "host": name}
    assert lines_of(host, "message.dead_lettered") == [expected]
