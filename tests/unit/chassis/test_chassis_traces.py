"""Traces: carried over borders, cheap when off, never in the way."""

from datetime import UTC, datetime, timedelta

import pytest
from airlock_chassis.telemetry import (
    child_of,
    current_ids,
    extract,
    inject,
    record,
    span,
    span_id,
    traceparent,
)
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
AT = datetime(2026, 1, 2, 3, 4, 5, 7, tzinfo=UTC)


def test_a_span_continues_the_trace_of_its_parent(recorded_spans: InMemorySpanExporter) -> None:
    with span("attempt.run", parent=PARENT, attributes={"airlock.node": "scan"}):
        headers = inject({"other": "kept"})
    (ended,) = recorded_spans.get_finished_spans()
    assert headers["other"] == "kept"
    assert headers["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert ended.parent is not None
    assert f"{ended.parent.span_id:016x}" == "b7ad6b7169203331"
    assert dict(ended.attributes or {}) == {"airlock.node": "scan"}


def test_an_exception_fails_its_span_without_its_text_and_passes_through(
    recorded_spans: InMemorySpanExporter,
) -> None:
    with pytest.raises(KeyError), span("attempt.run"):
        raise KeyError("a text that only the log may show")
    (ended,) = recorded_spans.get_finished_spans()
    assert (ended.status.status_code, ended.status.description) == (trace.StatusCode.ERROR, None)
    assert dict(ended.attributes or {}) == {"error.type": "KeyError"}
    assert ended.events == ()


def test_a_span_is_recorded_when_it_is_over_under_the_id_that_its_children_gave_as_parent(
    recorded_spans: InMemorySpanExporter,
) -> None:
    above = child_of(PARENT, "run/scan")
    with span("claim", parent=above):
        pass
    record(
        "node scan",
        id_=span_id("run/scan"),
        parent=PARENT,
        start=AT,
        end=AT + timedelta(seconds=3, microseconds=1),
        links=[PARENT, "garbage"],
        error="sandbox.lost",
    )
    with span("other"):
        pass
    claim, node, other = recorded_spans.get_finished_spans()
    assert node.context is not None
    assert claim.parent is not None
    assert claim.parent.span_id == node.context.span_id
    assert node.start_time == 1_767_323_045_000_007_000
    assert node.end_time == node.start_time + 3_000_001_000
    assert node.status.status_code is trace.StatusCode.ERROR
    assert dict(node.attributes or {}) == {"error.type": "sandbox.lost"}
    assert [f"{link.context.span_id:016x}" for link in node.links] == ["b7ad6b7169203331"]
    assert other.context is not None
    assert other.context.span_id != node.context.span_id


def test_what_is_over_before_it_began_is_over_at_once(recorded_spans: InMemorySpanExporter) -> None:
    record("node scan", parent=PARENT, start=AT, end=AT - timedelta(seconds=1))
    (ended,) = recorded_spans.get_finished_spans()
    assert ended.end_time == ended.start_time


@pytest.mark.parametrize("parent", [None, "garbage", PARENT[:-1] + "0", PARENT[:-1] + "2"])
def test_nothing_is_recorded_in_a_trace_that_is_not_kept(
    recorded_spans: InMemorySpanExporter, parent: str | None
) -> None:
    record("node scan", parent=parent, start=AT, end=AT)
    assert recorded_spans.get_finished_spans() == ()


def test_a_block_of_a_trace_that_is_not_kept_passes_on_its_callers_ids(
    recorded_spans: InMemorySpanExporter,
) -> None:
    unkept = PARENT[:-1] + "0"
    with span("outer", parent=unkept), span("inner") as inner:
        assert traceparent() == unkept
        inner.set_attribute("airlock.node", "nobody sees it")
    with span("another"):
        assert traceparent() != unkept
    assert [one.name for one in recorded_spans.get_finished_spans()] == ["another"]


def test_a_derived_parent_keeps_the_trace_and_its_flags() -> None:
    derived = child_of(PARENT[:-1] + "3", "run/scan/1")
    assert derived == f"00-0af7651916cd43dd8448eb211c80319c-{span_id('run/scan/1')}-03"
    assert span_id("run/scan/1") == "801f9c18dc9ccc6d"
    assert child_of(None, "run/scan/1") is None
    assert child_of("garbage", "run/scan/1") is None


def test_without_a_provider_the_callers_trace_is_still_passed_on() -> None:
    with span("attempt.run", parent=PARENT):
        assert traceparent() == PARENT
        assert current_ids() == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert traceparent() is None
    assert inject({}) == {}


@pytest.mark.parametrize(
    "value",
    ["", "garbage", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", PARENT + "-more", PARENT.upper(), "\x00"],
)
def test_a_malformed_traceparent_is_no_trace(value: str) -> None:
    context = extract({"traceparent": value})
    assert not trace.get_current_span(context).get_span_context().is_valid
    with span("attempt.run", parent=value):
        assert traceparent() is None


class CodedError(Exception):
    """As SQLAlchemy's are: their `code` leads to a page about them."""

    code = "e3q8"


@pytest.mark.parametrize(("module", "said"), [("sqlalchemy.exc", "CodedError"), ("airlock_x.errors", "e3q8")])
def test_only_our_own_errors_are_told_by_their_code(
    recorded_spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch, module: str, said: str
) -> None:
    monkeypatch.setattr(CodedError, "__module__", module)
    with pytest.raises(CodedError), span("x"):
        raise CodedError
    (ended,) = recorded_spans.get_finished_spans()
    assert (ended.attributes or {})["error.type"] == said
