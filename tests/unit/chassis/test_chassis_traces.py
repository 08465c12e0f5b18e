"""Traces: carried over borders, cheap when off, never in the way."""

from collections.abc import Iterator

import pytest
from airlock_chassis.telemetry import current_ids, extract, inject, span, traceparent, use_provider
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Tracing is on, into memory."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use_provider(provider)
    yield exporter
    use_provider(None)


def test_a_span_continues_the_trace_of_its_parent(spans: InMemorySpanExporter) -> None:
    with span("attempt.run", parent=PARENT, attributes={"airlock.node": "scan"}):
        headers = inject({"other": "kept"})
    (ended,) = spans.get_finished_spans()
    assert headers["other"] == "kept"
    assert headers["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert ended.parent is not None
    assert f"{ended.parent.span_id:016x}" == "b7ad6b7169203331"
    assert dict(ended.attributes or {}) == {"airlock.node": "scan"}


def test_an_exception_is_recorded_and_passes_through(spans: InMemorySpanExporter) -> None:
    with pytest.raises(KeyError), span("attempt.run"):
        raise KeyError("x")
    (ended,) = spans.get_finished_spans()
    assert ended.events[0].name == "exception"


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
