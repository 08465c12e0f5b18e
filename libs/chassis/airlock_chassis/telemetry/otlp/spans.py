"""Spans by OTLP: a processor for the SDK's tracer whose queue is bounded and whose losses are counted."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExportResult

from .batches import Batches
from .collector import Collector, Sender, rejected_of
from .connection import BoundedSession

SIGNAL = "traces"
QUEUE_SPANS = 4096


class SpanQueue(SpanProcessor):
    """Sends ended spans in a thread of its own. The SDK's processor drops without a word, and waits half a
    minute at the end for a collector that is away."""

    def __init__(self, collector: Collector) -> None:
        session = BoundedSession()
        exporter = OTLPSpanExporter(
            endpoint=collector.url(SIGNAL), timeout=collector.export_seconds, session=session
        )
        send = Sender(
            collector,
            session,
            lambda spans: exporter.export(spans) is SpanExportResult.SUCCESS,
            rejected_of(ExportTraceServiceResponse, "rejected_spans"),
        )
        self._flush_seconds = collector.flush_seconds
        self._batches = Batches[ReadableSpan](SIGNAL, send, send.cut, most=QUEUE_SPANS, most_bytes=0)

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that has ended, if its trace is kept."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._batches.put(span)

    def shutdown(self) -> None:
        """Send what waits, for a bounded time. Blocks."""
        self._batches.close(self._flush_seconds)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Wait until what waits was taken to be sent."""
        return self._batches.flush(timeout_millis / 1000)
