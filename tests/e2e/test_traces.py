"""One trace runs from a request through the service and the host into the sandbox, and back."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import docker
import httpx2
import pytest_asyncio
from airlock_client.client import AirlockClient
from airlock_client.local.stack import Stack
from airlock_contracts.statuses import RunStatus, Verdict
from airlock_contracts.views import RunView
from e2e_install import POLL_SECONDS, Install
from otlp_spans import Seen, Sink, astray, tree
from telemetry_page import documented_attributes, documented_spans, is_named

ARRIVAL_SECONDS = 30.0
NODES: list[dict[str, Any]] = [
    {"id": "first", "agent": "speaking", "action": "trace"},
    {"id": "gate", "agent": "careful", "depends_on": ["first"]},
    {
        "id": "again",
        "agent": "speaking",
        "action": "flaky",
        "depends_on": ["gate"],
        "inputs": {"succeeds_at": 2},
        "retry": {"max_attempts": 2, "base_delay": "100ms"},
    },
    {
        "id": "wrong",
        "agent": "hostile",
        "action": "attack",
        "depends_on": ["again"],
        "inputs": {"how": "nan"},
    },
    {"id": "never", "depends_on": ["wrong"]},
]
WHOLE = """
    POST /api/workflows/{workflow}/trigger
      invoke_workflow whole !output.invalid_json
        node first
          invoke_agent speaking
            attempt.wait
            send invocations
              process invocations
                sandbox.wait
                sandbox.start
                sandbox.run
                  think
                    look up
                  PUT /api/artifacts/{sha256}
                send reports
                  process reports
                    output.check
                    run.advance
        node gate
          approval.wait
            approval.decide
          invoke_agent careful
            attempt.wait
            send invocations
              process invocations
                sandbox.wait
                attempt.claim
                  attempt.claim
                sandbox.start
                sandbox.run
                send reports
                  process reports
                    output.check
                    run.advance
        node again
          invoke_agent speaking !agent.busy
            attempt.wait
            send invocations
              process invocations !agent.busy
                sandbox.wait
                sandbox.start
                sandbox.run !agent.busy
                send reports
                  process reports
                    run.advance
          invoke_agent speaking
            attempt.wait
            send invocations
              process invocations
                sandbox.wait
                sandbox.start
                sandbox.run
                send reports
                  process reports
                    output.check
                    run.advance
        node wrong !output.invalid_json
          invoke_agent hostile !output.invalid_json
            attempt.wait
            send invocations
              process invocations
                sandbox.wait
                sandbox.start
                sandbox.run
                send reports
                  process reports
                    output.check !output.invalid_json
                    run.advance
        node never
"""
ELSEWHERE = {"airlock.spans_dropped", "airlock.attributes_dropped"}
"""Only of an agent that tells nonsense: the sandbox's own tests have one."""


@dataclass(frozen=True)
class Traced:
    """A run of everything, its retry, and their traces as they arrived."""

    run: RunView
    output: dict[str, Any]
    """What the first node saw."""
    spans: list[Seen]
    again: list[Seen]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def traced(stack: Stack, module_key: str, sink: Sink, docker_engine: docker.DockerClient) -> Traced:
    """One run, decided by a person, and retried when it has failed."""
    async with AirlockClient(stack.api_url, module_key) as client, httpx2.AsyncClient() as http:
        install = Install(stack, client, http, docker_engine)
        started = await install.start("whole", NODES)
        asked = await install.until_asked(started, "gate")
        await client.decide(asked.id, Verdict.APPROVED, asked.payload_sha256)
        run = await install.until_final(started)
        again = await install.until_final((await client.retry(started)).id)
        output = json.loads(await client.node_output(started, "first"))
    return Traced(run, output, await _arrived(sink, run), await _arrived(sink, again))


async def _arrived(sink: Sink, run: RunView) -> list[Seen]:
    """The spans of a run that has ended, once all have been sent: its own, and no orphan."""
    async with asyncio.timeout(ARRIVAL_SECONDS):
        while True:
            spans = sink.trace(run.trace_id or "")
            ids = {one.id for one in spans}
            orphans = [one for one in spans if one.parent and one.parent not in ids]
            if any(one.name == "invoke_workflow whole" for one in spans) and not orphans:
                return spans
            await asyncio.sleep(POLL_SECONDS)


def _steady(spans: Sequence[Seen]) -> list[Seen]:
    """Without what is not in each trace: claims of work that may start without one and second sendings, of a
    busy machine; and what a host asks once about each agent version.
    """
    by_id = {one.id: one for one in spans}

    def is_steady(one: Seen) -> bool:
        if one.name == "attempt.claim":
            above = by_id[one.parent]
            return "careful@1.0.0" in (above.attributes.get("airlock.agent"), _agent_above(above))
        sent_again = str(one.attributes.get("messaging.message.id", "/1")).endswith(("/2", "/3"))
        return not sent_again and one.name != "GET /api/agents/versions/{id}"

    def _agent_above(one: Seen) -> object:
        return by_id[one.parent].attributes.get("airlock.agent") if one.parent in by_id else None

    return [one for one in spans if is_steady(one)]


def test_the_trace_is_whole_from_the_request_into_the_sandbox_and_back(traced: Traced) -> None:
    assert traced.run.status is RunStatus.FAILED
    assert tree(_steady(traced.spans)) == dedent(WHOLE).strip()


def test_an_agent_is_told_the_span_that_it_runs_in(traced: Traced) -> None:
    told = traced.output["traceparent"].split("-")
    (thought,) = [one for one in traced.spans if one.name == "think"]
    assert told[1:3] == [traced.run.trace_id, thought.parent]


def test_each_span_lies_within_the_one_above_it(traced: Traced) -> None:
    assert astray(traced.spans) == []


def test_what_was_emitted_is_what_the_page_of_telemetry_names(traced: Traced) -> None:
    seen = [one for one in (*traced.spans, *traced.again) if one.attributes.get("airlock.source") != "agent"]
    named = {row: {one.name for one in seen if is_named(row, one.name)} for row in documented_spans()}
    assert [row for row, found in named.items() if not found] == []
    assert {one.name for one in seen} == set().union(*named.values())
    assert {key for one in seen for key in one.attributes} | {"airlock.source"} == (
        documented_attributes() - ELSEWHERE
    )
