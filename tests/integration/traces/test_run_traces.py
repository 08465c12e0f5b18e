"""One trace per run: whole, with the right parents, links and times, whichever replica recorded what."""

from __future__ import annotations

from datetime import datetime
from textwrap import dedent

import pytest
from airlock_chassis.telemetry.traces import span_id
from otlp_spans import astray
from telemetry_page import documented_attributes, documented_spans, is_named
from traced_runs import CALLER, SECRET_TEXT, UNKEPT, Traced

TREES = {
    "whole": """
        ? POST /api/workflows/{workflow}/trigger
          invoke_workflow whole !output.schema_mismatch
            node first
              invoke_agent echo
                attempt.wait
                send invocations
                  process reports
                    output.check
                    run.advance
            node broken !output.schema_mismatch
              invoke_agent echo !output.schema_mismatch
                attempt.wait
                send invocations
                  process reports
                    output.check !output.schema_mismatch
                    run.advance
            node gate
              approval.wait
                approval.decide
              invoke_agent echo
                attempt.wait
                send invocations
                  attempt.claim
                  process reports
                    output.check
                    run.advance
            node side
              invoke_agent echo
                attempt.wait
                send invocations
                  process reports
                    output.check
                    run.advance
            node after
            node flaky
              invoke_agent echo !agent.error
                attempt.wait
                send invocations
                  process reports
                    run.advance
              invoke_agent echo
                attempt.wait
                send invocations
                  process reports
                    output.check
                    run.advance
    """,
    "retried": """
        POST /api/runs/{run}/retry
          invoke_workflow whole !output.schema_mismatch
            node broken !output.schema_mismatch
              invoke_agent echo !output.schema_mismatch
                attempt.wait
                send invocations
                  process reports
                    output.check !output.schema_mismatch
                    run.advance
            node first
            node flaky
            node gate
            node side
            node after
    """,
    "lost": """
        POST /api/workflows/{workflow}/trigger
          invoke_workflow lost
            node quiet
              invoke_agent echo !sandbox.lost
                attempt.wait
                send invocations
                  attempt.claim
              invoke_agent echo
                attempt.wait
                send invocations
                  attempt.claim
                  process reports
                    output.check
                    run.advance
    """,
    "refused": """
        POST /api/workflows/{workflow}/trigger
          invoke_workflow refused !approval.rejected
            node asked !approval.rejected
              approval.wait !approval.rejected
                approval.decide
    """,
    "cancelled": """
        POST /api/workflows/{workflow}/trigger
          invoke_workflow cancelled !cancelled
            node asked !cancelled
              approval.wait !cancelled
            node held !cancelled
              invoke_agent echo !cancelled
                attempt.wait
                send invocations
                  attempt.claim
                  process reports
                    run.advance
            node later !cancelled
    """,
    "unkept": "",
}


@pytest.mark.parametrize("name", TREES)
def test_a_runs_trace_is_one_tree_without_an_orphan(traced: Traced, name: str) -> None:
    assert traced.tree(name) == dedent(TREES[name]).strip()


def test_the_trace_and_the_first_parent_are_the_callers(traced: Traced) -> None:
    asked = traced.one("whole", "POST /api/workflows/{workflow}/trigger")
    _, trace, caller, _ = CALLER.split("-")
    assert (asked.trace, asked.parent) == (trace, caller)
    assert asked.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/workflows/{workflow}/trigger",
        "http.response.status_code": 202,
        "url.path": "/api/workflows/whole/trigger",
        "url.scheme": "http",
    }


def test_the_replica_that_ends_something_records_it_not_the_one_that_began_it(traced: Traced) -> None:
    took = {one.name for one in traced.trace("whole") if one.process.endswith(traced.gone)}
    assert took == {"POST /api/workflows/{workflow}/trigger", "send invocations"}
    assert not traced.one("whole", "invoke_workflow whole").process.endswith(traced.gone)


def test_a_run_that_its_caller_does_not_keep_is_kept_by_nobody(traced: Traced) -> None:
    assert traced.runs["unkept"].trace_id == UNKEPT.split("-")[1]
    assert traced.trace("unkept") == []


@pytest.mark.parametrize("name", TREES)
def test_each_span_lies_within_the_one_above_it(traced: Traced, name: str) -> None:
    spans = traced.trace(name)
    assert len({one.id for one in spans}) == len(spans)
    assert astray(spans) == []


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1_000


def test_times_are_those_that_the_api_shows(traced: Traced) -> None:
    view = traced.runs["whole"]
    assert view.finished_at is not None
    ran = traced.one("whole", "invoke_workflow whole")
    assert ran.end == _nanoseconds(view.finished_at)
    assert ran.start == _nanoseconds(view.created_at)
    (gate,) = [node for node in view.nodes if node.id == "gate"]
    assert gate.approval is not None
    assert gate.approval.decided_at is not None
    wait = traced.one("whole", "approval.wait")
    assert wait.end == _nanoseconds(gate.approval.decided_at)


def test_the_wait_for_a_slot_lasts_from_the_dispatch_to_the_claim(traced: Traced) -> None:
    (held,) = [node for node in traced.runs["cancelled"].nodes if node.id == "held"]
    (attempt,) = held.attempts
    assert attempt.started_at is not None
    waited = traced.one("cancelled", "attempt.wait")
    assert waited.start == _nanoseconds(attempt.dispatched_at)
    assert waited.end == _nanoseconds(attempt.started_at)
    assert waited.attributes["airlock.pool"] == "default"


def test_a_later_attempt_links_to_the_one_before_it(traced: Traced) -> None:
    run = traced.runs["whole"]
    flaky = [one for one in traced.trace("whole") if one.attributes.get("airlock.node") == "flaky"]
    attempts = [one for one in flaky if one.name == "invoke_agent echo"]
    assert [one.attributes["airlock.attempt"] for one in attempts] == [1, 2]
    assert [one.links for one in attempts] == [(), ((run.trace_id, attempts[0].id),)]
    assert attempts[0].id == span_id(f"{run.id}/flaky/1")


def test_a_run_that_tries_another_again_links_to_it_in_its_own_trace(traced: Traced) -> None:
    old, new = traced.one("whole", "invoke_workflow whole"), traced.one("retried", "invoke_workflow whole")
    assert old.trace != new.trace
    assert (old.links, new.links) == ((), ((old.trace, old.id),))
    assert new.attributes["airlock.retry_of"] == traced.runs["whole"].id
    reused = traced.one("retried", "node first")
    assert reused.attributes["airlock.reused_from"] == traced.runs["whole"].id
    assert reused.start == reused.end


def test_a_decision_belongs_to_the_run_and_links_to_its_request(traced: Traced) -> None:
    decided = traced.one("whole", "approval.decide")
    assert decided.attributes["airlock.status"] == "APPROVED"
    ((trace, asked),) = decided.links
    assert trace != decided.trace
    (request,) = [one for one in traced.spans if one.id == asked]
    assert request.name == "POST /api/approvals/{approval}/decision"


def test_a_claim_says_what_was_answered(traced: Traced) -> None:
    assert traced.one("whole", "attempt.claim").attributes["airlock.status"] == "GRANTED"


def test_spans_of_runs_and_attempts_speak_the_convention_for_agents(traced: Traced) -> None:
    run = traced.one("whole", "invoke_workflow whole").attributes
    attempt = traced.one("lost", "node quiet")
    first = next(one for one in traced.trace("lost") if one.parent == attempt.id).attributes
    assert (run["gen_ai.operation.name"], run["gen_ai.workflow.name"]) == ("invoke_workflow", "whole")
    assert first["gen_ai.operation.name"] == "invoke_agent"
    assert (first["gen_ai.agent.name"], first["gen_ai.agent.version"]) == ("echo", "1.0.0")
    assert (first["airlock.status"], first["airlock.host"]) == ("LOST", "played")


def test_messages_speak_the_convention_for_messaging(traced: Traced) -> None:
    sent = next(one for one in traced.trace("lost") if one.name == "send invocations")
    got = traced.one("lost", "process reports")
    assert (sent.kind, got.kind) == ("producer", "consumer")
    for one, operation, destination in ((sent, "send", "invocations"), (got, "process", "reports")):
        assert one.attributes["messaging.system"] == "nats"
        assert one.attributes["messaging.operation.name"] == operation
        assert one.attributes["messaging.operation.type"] == operation
        assert one.attributes["messaging.destination.name"] == destination
    assert sent.attributes["messaging.message.id"] == f"{traced.runs['lost'].id}/quiet/1/1"


def test_no_payload_and_no_reason_is_in_any_span(traced: Traced) -> None:
    assert traced.bodies
    assert not any(SECRET_TEXT.encode() in body for body in traced.bodies)


def test_what_was_emitted_is_what_the_page_of_telemetry_names(traced: Traced) -> None:
    ours = [row for row, by in documented_spans().items() if by != "host"]
    seen: dict[str, set[str]] = {row: set() for row in ours}
    for one in traced.spans:
        matching = [row for row in ours if is_named(row, one.name)]
        assert len(matching) == 1, (one.name, matching)
        seen[matching[0]].add(one.name)
    assert [row for row, found in seen.items() if not found] == []
    assert {key for one in traced.spans for key in one.attributes} <= documented_attributes()
