"""What an agent told of its own work, in the trace: in its place and its time, whatever it says."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airlock_agents.host.agent_spans import AgentSpans
from airlock_agents.sandbox.spans import AgentSpan, Dropped, SpanReader
from airlock_chassis.telemetry import forget_secrets, register_secret, span_id
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

ABOVE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TOP = "b7ad6b7169203331"
BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
ENDED = BEGAN + timedelta(seconds=10)
A_REQUEST = 4 * 1024 * 1024
"""What tracing backends take at once, unless told otherwise."""
A, B, C = "a" * 16, "b" * 16, "c" * 16


def told(id_: str = A, parent: str | None = None, **changed: Any) -> AgentSpan:
    """A span as it was read: the third second of the attempt."""
    at = BEGAN + timedelta(seconds=2)
    values: dict[str, Any] = {
        "name": f"work {id_[0]}",
        "start": at,
        "end": at + timedelta(seconds=1),
        "failed": False,
        "attributes": {},
        **changed,
    }
    return AgentSpan(id=id_, parent=parent, **values)


@pytest.fixture
def recorded(
    make_attempt: Any, recorded_spans: InMemorySpanExporter
) -> Callable[..., dict[str, ReadableSpan]]:
    """Record spans of an attempt; answers them by name."""

    def record(*spans: AgentSpan | Dropped, above: str = ABOVE) -> dict[str, ReadableSpan]:
        recorded_spans.clear()
        own = AgentSpans(make_attempt(), above=above, began=BEGAN)
        for span in spans:
            own.add(span)
        own.record(ENDED)
        return {span.name: span for span in recorded_spans.get_finished_spans()}

    return record


def id_of(span: ReadableSpan) -> str:
    return f"{span.context.span_id:016x}" if span.context else ""


def parent_of(span: ReadableSpan) -> str:
    return f"{span.parent.span_id:016x}" if span.parent else ""


def test_spans_stand_below_each_other_as_told_and_below_the_attempt(recorded: Any) -> None:
    spans = recorded(told(B, parent=A), told(C, parent=A), told(A))
    assert parent_of(spans["work a"]) == TOP
    assert parent_of(spans["work b"]) == parent_of(spans["work c"]) == id_of(spans["work a"])
    assert {span.context.trace_id for span in spans.values()} == {0x0AF7651916CD43DD8448EB211C80319C}
    assert spans["work a"].attributes["airlock.source"] == "agent"
    assert spans["work a"].attributes["airlock.agent"] == "test-agent@1.0.0"


def test_a_parent_that_was_never_told_is_the_attempt(recorded: Any) -> None:
    assert parent_of(recorded(told(A, parent=B))["work a"]) == TOP


def test_spans_in_a_circle_all_stand_below_the_attempt(recorded: Any) -> None:
    spans = recorded(told(A, parent=B), told(B, parent=A), told(C, parent=A))
    assert parent_of(spans["work a"]) == parent_of(spans["work b"]) == TOP
    assert parent_of(spans["work c"]) == id_of(spans["work a"])
    assert parent_of(recorded(told(A, parent=A))["work a"]) == TOP


def test_an_agent_cannot_give_its_span_the_id_of_another_one(recorded: Any) -> None:
    node = span_id("run/scan")
    (first,) = recorded(told(node)).values()
    (second,) = recorded(told(node)).values()  # of another attempt, with another token
    assert len({id_of(first), id_of(second), node}) == 3


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), (0, 10)),
        (datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC), (0, 0)),
        (datetime(9999, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), (10, 10)),
        (BEGAN + timedelta(seconds=5), BEGAN + timedelta(seconds=3), (5, 5)),
    ],
)
def test_times_are_moved_into_those_of_the_attempt(
    recorded: Any, start: datetime, end: datetime, seconds: tuple[int, int]
) -> None:
    (span,) = recorded(told(start=start, end=end)).values()
    began = int(BEGAN.timestamp() * 1e9)
    assert (span.start_time - began, span.end_time - began) == tuple(second * 10**9 for second in seconds)


def test_secrets_are_masked_in_names_and_attributes(recorded: Any) -> None:
    register_secret("hunter2hunter2")
    try:
        said = {"password": "x", "note": "it is hunter2hunter2", "error.type": "hunter2hunter2"}
        spans = recorded(told(name="use hunter2hunter2", attributes=said, failed=True))
    finally:
        forget_secrets()
    attributes = spans["use ***"].attributes
    assert (attributes["password"], attributes["note"], attributes["error.type"]) == (
        "***",
        "it is ***",
        "***",
    )
    assert spans["use ***"].status.status_code is StatusCode.ERROR


def test_one_that_could_not_be_read_and_one_with_a_known_id_are_counted_and_left_out(
    make_attempt: Any,
) -> None:
    own = AgentSpans(make_attempt(), above=ABOVE, began=BEGAN)
    for span in (told(A), Dropped(), told(A, name="again"), told(B), Dropped(44)):
        own.add(span)
    assert own.dropped == 46


def test_a_span_says_how_many_of_its_attributes_were_left_out(recorded: Any) -> None:
    spans = recorded(told(A, left_out=3, attributes={"files": 2}), told(B))
    assert spans["work a"].attributes["airlock.attributes_dropped"] == 3
    assert "airlock.attributes_dropped" not in spans["work b"].attributes


def test_the_most_that_an_attempt_may_tell_leaves_room_for_others_in_a_request(recorded: Any) -> None:
    reader = SpanReader()
    # Small ones, as each attribute costs some bytes around its own; and as many as fit.
    fields = {
        "start": "2026-01-01T12:00:00Z",
        "end": "2026-01-01T12:00:01Z",
        "attributes": {f"{number:02}": "v" * 22 for number in range(16)},
    }
    told_all = [
        reader.read({**fields, "id": f"{number:016x}", "name": f"{number:0128}"}) for number in range(1, 257)
    ]
    assert not any(isinstance(one, Dropped) or one.left_out for one in told_all)
    spans = recorded(*told_all)
    assert len(spans) == 256
    assert len(encode_spans(list(spans.values())).SerializeToString()) < A_REQUEST / 8


def test_nothing_is_recorded_in_a_trace_that_is_not_kept(recorded: Any) -> None:
    assert recorded(told(A), above=ABOVE[:-1] + "0") == {}
