"""Spans by OTLP: a processor for the SDK's tracer whose queue is bounded and whose losses are counted."""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.util.types import Attributes

from .batches import Batches, bytes_at_most
from .collector import MAX_REQUEST_BYTES, Collector, Sender, rejected_of
from .connection import BoundedSession

SIGNAL = "traces"
QUEUE_SPANS = 4096
_SPAN_BYTES = 128
"""Ids, times, kind, flags and status of a span."""
_FIELD_BYTES = 16
"""Around a key and its value, or a value that is no text."""


class SpanQueue(SpanProcessor):
    """Sends ended spans in a thread of its own. The SDK's processor drops without a word, and waits half a
    minute at the end for a collector that is away."""

    def __init__(self, collector: Collector) -> None:
        session = BoundedSession()
        exporter = OTLPSpanExporter(
            endpoint=collector.url(SIGNAL),
            headers=collector.headers,
            timeout=collector.export_seconds,
            session=session,
            max_request_size=MAX_REQUEST_BYTES,
        )
        send = Sender(
            collector,
            session,
            export=lambda spans: exporter.export(spans) is SpanExportResult.SUCCESS,
            end=exporter.shutdown,
            rejected=rejected_of(ExportTraceServiceResponse, "rejected_spans"),
        )
        self._flush_seconds = collector.flush_seconds
        self._batches = Batches[ReadableSpan](SIGNAL, send, send.cut, most=QUEUE_SPANS)

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that has ended, if its trace is kept."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._batches.put(span, size_of(span))

    def shutdown(self) -> None:
        """Send what waits, for a bounded time. Blocks."""
        self._batches.close(self._flush_seconds)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Wait until what waits was taken to be sent."""
        return self._batches.flush(timeout_millis / 1000)


def size_of(span: ReadableSpan) -> int:
    """What a span weighs on the wire, at most, or nearly so. Pure.

    Each span that is kept pays for this where it ends, so it is written for speed.
    """
    size = (
        _SPAN_BYTES
        + bytes_at_most(span.name)
        + bytes_at_most(span.status.description or "")
        + _fields(span.attributes)
    )
    for link in span.links:
        size += _SPAN_BYTES + _fields(link.attributes)
    for event in span.events:
        size += _SPAN_BYTES + bytes_at_most(event.name) + _fields(event.attributes)
    return size


def _fields(attributes: Attributes) -> int:
    size = 0
    for key, value in (attributes or {}).items():
        size += 2 * _FIELD_BYTES + bytes_at_most(key)
        if isinstance(value, str):
            size += bytes_at_most(value)
        elif isinstance(value, Sequence):
            size += sum(_FIELD_BYTES + (bytes_at_most(one) if isinstance(one, str) else 0) for one in value)
    return size
