"""An agent's own spans out of a real container: the SDK's, and those of agents that mean harm."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from airlock_agents.sandbox.outcome import Failed, Outcome, Success
from airlock_agents.sandbox.ports import SandboxRequest, SandboxSpec
from airlock_agents.sandbox.sandboxes import Sandboxes
from airlock_agents.sandbox.spans import AgentSpan, Dropped

RunTraced = Callable[..., Awaitable[Outcome]]
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
READY = r"""
import json, sys
out = sys.stdout.buffer
def send(header, body=b""):
    out.write(json.dumps(header).encode() + b"\n" + body)
def span(number=1, **changed):
    send({"type": "span", "name": "x", "id": f"{number:016x}", "parent": None, "status": "ok",
          "start": "2026-01-01T00:00:01Z", "end": "2026-01-01T00:00:02Z", "attributes": {}, **changed})
def answer(document): send({"type": "result", "size": len(document)}, document); out.flush()
send({"type": "ready", "protocol": "airlock/1", "sdk": "0"}); out.flush()
header = json.loads(sys.stdin.buffer.readline())
sys.stdin.buffer.read(header["size"])
"""
SDK = """
from airlock_sdk import Agent
agent = Agent()
@agent.action("go")
def go(inputs, ctx):
    with ctx.span("outer", files=2) as outer:
        with ctx.span("inner"):
            pass
        outer.set(done=True)
    return {"traceparent": ctx.traceparent}
agent.run()
"""


@pytest.fixture
def run_traced(
    sandboxes: Sandboxes,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
) -> RunTraced:
    """Run a Python text as an agent of airlock/1, in a trace that somebody keeps."""

    async def run(code: str, *, takes_spans: bool = True) -> Outcome:
        asked = replace(request_of({}), traceparent=TRACEPARENT, takes_spans=takes_spans)
        return await sandboxes.run(spec_of(["python3", "-c", code], "airlock/1"), asked, recorder, recorder)

    return run


async def test_spans_of_the_sdk_arrive_nested_and_the_trace_reaches_the_agent(
    run_traced: RunTraced, recorder: Any
) -> None:
    outcome = await run_traced(SDK)
    assert isinstance(outcome, Success), outcome
    assert json.loads(outcome.output) == {"traceparent": TRACEPARENT}
    inner, outer = recorder.spans
    assert (inner.name, inner.parent) == ("inner", outer.id)
    assert (outer.name, outer.parent, outer.attributes) == ("outer", None, {"files": 2, "done": True})
    assert outer.start <= inner.start <= inner.end <= outer.end


async def test_where_nobody_keeps_traces_the_sdk_sends_no_spans(run_traced: RunTraced, recorder: Any) -> None:
    assert isinstance(await run_traced(SDK, takes_spans=False), Success)
    assert recorder.spans == []


async def test_spans_that_nobody_asked_for_are_neither_kept_nor_counted(
    run_traced: RunTraced, recorder: Any
) -> None:
    code = READY + "span(1)\nspan(2, name=None)\nanswer(b'{}')"
    assert isinstance(await run_traced(code, takes_spans=False), Success)
    assert recorder.spans == []


async def test_more_spans_than_may_be_are_dropped_one_by_one_and_the_answer_counts(
    run_traced: RunTraced, recorder: Any
) -> None:
    code = READY + "for number in range(1, 20_001): span(number)\nanswer(b'{}')"
    outcome = await run_traced(code)
    assert isinstance(outcome, Success), outcome
    assert [isinstance(one, AgentSpan) for one in recorder.spans] == [True] * 256 + [False] * 19_744


async def test_spans_that_lie_are_mended_or_dropped_and_the_answer_counts(
    run_traced: RunTraced, recorder: Any
) -> None:
    code = READY + (
        "span(1, name='n' * 60_000)\n"
        "span(2, name='\\x1b]0;pwned\\x07')\n"
        "span(3, parent='not an id', start='1970-01-01T00:00:00Z', end='9999-12-31T23:59:59Z')\n"
        "span(4, attributes={str(n): n for n in range(2_000)})\n"
        "span(5, attributes={'airlock.agent': 'another@1.0.0'})\n"
        "span(6, id='../../etc/passwd')\n"
        "span(7, start='soon')\n"
        "span(8, name=None)\n"
        "send({'type': 'span'})\n"
        "answer(b'{}')"
    )
    outcome = await run_traced(code)
    assert isinstance(outcome, Success), outcome
    long, shown, far, wide, claimed, *rest = recorder.spans
    assert rest == [Dropped()] * 4
    assert long.name == "n" * 128
    assert shown.name == "\\u001b]0;pwned\\u0007"
    assert (far.parent, far.start.year, far.end.year) == (None, 1970, 9999)
    assert len(wide.attributes) == 16
    assert claimed.attributes == {}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("send({'type': 'span', 'size': 3}, b'abc')", "carries no bytes"),
        ('out.write(b\'{"type":"span","id":NaN}\\n\')', "no JSON"),
        ("while True: span(name='n' * 60_000)", "bytes of headers"),
    ],
)
async def test_what_is_no_frame_or_never_ends_breaks_the_protocol_as_any_frame_does(
    run_traced: RunTraced, recorder: Any, said: str, reason: str
) -> None:
    outcome = await run_traced(READY + said + "\nanswer(b'{}')")
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure.code == "agent.protocol"
    assert reason in outcome.failure.message
    assert sum(isinstance(one, AgentSpan) for one in recorder.spans) <= 256


@pytest.mark.parametrize(
    "count", [93, 96]
)  # what fills all that the engine keeps of an output, and ends within
async def test_what_an_agent_said_last_is_heard_also_by_a_host_that_is_slow(
    run_traced: RunTraced, recorder: Any, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    async def slowly(told: AgentSpan | Dropped) -> None:
        recorder.spans.append(told)
        if len(recorder.spans) == 1:
            await asyncio.sleep(4)

    monkeypatch.setattr(recorder, "span", slowly)
    code = READY + f"for number in range({count}): span(number, name='n' * 16_000)\nanswer(b'{{}}')"
    outcome = await run_traced(code)
    assert isinstance(outcome, Success), outcome
    assert len(recorder.spans) == count
