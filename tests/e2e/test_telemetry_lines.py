"""Every log line about a run says which run, node and attempt, and one trace runs through all of it."""

import json
from collections import Counter
from typing import Any

import pytest
from airlock_contracts.statuses import NodeStatus, RunStatus, Verdict
from e2e_install import PARTS, Install, node_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OF_ATTEMPTS = {"attempt.started", "attempt.finished", "agent.stderr", "claim.answered"}
STEPS = 6
NODES: list[dict[str, Any]] = [
    {"id": "first", "agent": "speaking", "action": "trace"},
    {"id": "second", "depends_on": ["first"], "inputs": {"seconds": 0.5}},
    {"id": "third", "agent": "hostile", "action": "attack", "inputs": {"how": "exit-1"}},
]


async def _trigger(install: Install, workflow: str, **headers: str) -> tuple[str, str]:
    """Trigger; answers the run and the trace that REST names."""
    answer = await install.http.post(f"/api/workflows/{workflow}/trigger", json={}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"], answer.headers["X-Trace-Id"]


def _lines(install: Install, run: str) -> list[dict[str, Any]]:
    found = [line for part in ("orchestration", "agent-host") for line in install.log_lines(part, run)]
    assert len({line["service"] for line in found}) == 2  # both processes have something to say
    return found


@pytest.mark.parametrize("given", [None, f"00-{TRACE}-00f067aa0ba902b7-01", "00-nonsense"])
async def test_one_trace_runs_from_the_request_to_the_agent_and_through_every_line(
    install: Install, given: str | None
) -> None:
    await install.start("traced", NODES)
    run, trace = await _trigger(install, "traced", **({} if given is None else {"traceparent": given}))
    assert len(trace) == 32
    assert (trace == TRACE) is (given is not None and TRACE in given)
    view = await install.until_final(run)
    assert view.status is RunStatus.FAILED  # the third node's agent ends with 1
    assert view.trace_id == trace
    output = json.loads(await install.client.node_output(run, "first"))
    assert output["traceparent"].split("-")[1] == trace
    lines = _lines(install, run)
    assert [line for line in lines if line.get("trace_id") != trace] == []
    assert [line for line in lines if line.get("run") != run] == []
    of_attempts = [line for line in lines if line["event"] in OF_ATTEMPTS]
    assert of_attempts
    for line in of_attempts:
        assert line["node"] in {"first", "second", "third"}, line
        assert line["attempt"] == 1, line
        assert line["host"], line
    # A claim is asked for by the attempt's ids alone, before anything is read about it.
    named = {line["agent"] for line in of_attempts if line["event"] != "claim.answered"}
    assert named == {"hostile@1.0.0"}  # of what went well no line stands in the log


async def test_a_step_that_went_well_leaves_no_line_at_info_in_either_process(install: Install) -> None:
    before = {part: len(install.log_lines(part)) for part in PARTS}
    view = await install.run(
        "quiet", [{"id": f"n{n}", "depends_on": [f"n{n - 1}"][:n]} for n in range(STEPS)]
    )
    assert view.status is RunStatus.SUCCESS
    said = {part: install.log_lines(part)[old:] for part, old in before.items()}
    assert [
        line for lines in said.values() for line in lines if line["level"] == "info" and "node" in line
    ] == []
    of_run = [line["event"] for line in said["orchestration"] if line.get("run") == view.id]
    assert of_run == ["run.started", "run.finished"]
    often = Counter((part, line["event"]) for part, lines in said.items() for line in lines)
    assert [event for event, times in often.items() if times >= STEPS] == []  # whatever ids it has


async def test_the_service_tells_each_fact_of_a_run_once(install: Install) -> None:
    await install.client.apply_workflow(
        json.dumps(
            {
                "name": "told",
                "nodes": [
                    {
                        "id": "a",
                        "agent": "obedient",
                        "action": "do",
                        "inputs": {"text": "{{ context.text }}"},
                    },
                    {"id": "gate", "agent": "careful", "action": "do", "depends_on": ["a"]},
                    {"id": "last", "agent": "obedient", "action": "do", "depends_on": ["gate"]},
                ],
            }
        ).encode()
    )
    run = (await install.client.trigger("told", {"text": "a-secret-of-the-payload"})).id
    asked = await install.until_asked(run, "gate")
    await install.client.decide(asked.id, Verdict.REJECTED, asked.payload_sha256, "a-note-of-a-person")
    view = await install.until_final(run)
    assert node_of(view, "last").status is NodeStatus.SKIPPED
    told = [line for line in install.log_lines("orchestration", run) if "facts" in line["logger"]]
    assert [(line["event"], line.get("node"), line.get("attempt"), line.get("status")) for line in told] == [
        ("run.started", None, None, None),
        ("approval.requested", "gate", None, None),
        ("approval.decided", "gate", None, "REJECTED"),
        ("node.finished", "gate", None, "FAILED"),
        ("node.finished", "last", None, "SKIPPED"),
        ("run.finished", None, None, "FAILED"),
    ]
    decided = told[2]
    assert (decided["approval"], decided["by"]) == (asked.id, "test-telemetry-lines")
    assert told[1]["agent"] == "careful@1.0.0"
    assert told[3]["code"] == "approval.rejected"
    for part in ("orchestration", "agent-host"):
        text = install.stack.folder.log(part).read_text()
        assert "a-secret-of-the-payload" not in text
        assert "a-note-of-a-person" not in text
        assert all(line.startswith("{") for line in text.splitlines())
