"""Traces: one run is one trace, carried by the W3C `traceparent` in headers and messages."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT = "traceparent"
QUEUE_SPANS = 4096
"""Spans that wait for the exporter; more are dropped: telemetry never holds up work."""
EXPORT_SECONDS = 5
FLUSH_SECONDS = 3.0

Attribute = str | int | float | bool
Kind = trace.SpanKind
Span = trace.Span

_TRACEPARENT = re.compile(r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
_propagator = TraceContextTextMapPropagator()


class _Tracing:
    """The tracer of this process; none until `configure_traces`."""

    provider: TracerProvider | None = None
    exporter: OTLPSpanExporter | None = None
    tracer: trace.Tracer | None = None


def configure_traces(
    *, service: str, version: str, endpoint: str | None, ratio: float = 1.0, host: str | None = None
) -> None:
    """Send spans to an OTLP/HTTP endpoint (`http://collector:4318`); without one, tracing costs nothing.

    `ratio` is the share of new traces that are kept; a trace that came in sampled stays sampled.
    """
    if endpoint is None:
        return
    attributes: dict[str, Attribute] = {"service.name": service, "service.version": version}
    if host is not None:
        attributes["host.name"] = host
    provider = TracerProvider(resource=Resource.create(attributes), sampler=ParentBasedTraceIdRatio(ratio))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE_SPANS))
    use_provider(provider)
    _Tracing.exporter = exporter


def use_provider(provider: TracerProvider | None) -> None:
    """Make this provider the process's own; None turns tracing off."""
    _Tracing.provider = provider
    _Tracing.exporter = None
    _Tracing.tracer = provider.get_tracer("airlock") if provider is not None else None


def shutdown_traces() -> None:
    """Send what waits, for a bounded time, and turn tracing off. Blocks: call it at the very end."""
    provider, exporter = _Tracing.provider, _Tracing.exporter
    use_provider(None)
    if provider is None:
        return
    # The SDK's own flush ignores the time it is given and waits half a minute for a collector that is away.
    ending = threading.Thread(target=provider.shutdown, name="traces-shutdown", daemon=True)
    ending.start()
    ending.join(FLUSH_SECONDS)
    if ending.is_alive() and exporter is not None:
        exporter.shutdown()  # type: ignore[no-untyped-call]  # ends its retries
        ending.join(FLUSH_SECONDS)


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    kind: Kind = Kind.INTERNAL,
    attributes: Mapping[str, Attribute] | None = None,
) -> Iterator[Span]:
    """Run a block as a span, under `parent` (a traceparent) or else under the current span.

    An exception that leaves the block is recorded and passes through. Begin and end it in one task.
    """
    tracer = _Tracing.tracer
    if tracer is None:
        with _carried(parent):
            yield trace.INVALID_SPAN
        return
    context = extract({TRACEPARENT: parent}) if parent else None
    with tracer.start_as_current_span(name, context=context, kind=kind, attributes=attributes) as opened:
        yield opened


@contextmanager
def _carried(parent: str | None) -> Iterator[None]:
    """Without a tracer of our own, still pass on the caller's trace."""
    if not parent or not _TRACEPARENT.match(parent):
        yield
        return
    token = otel_context.attach(extract({TRACEPARENT: parent}))
    try:
        yield
    finally:
        otel_context.detach(token)


def traceparent() -> str | None:
    """The current span as a W3C `traceparent`, or None outside of any trace."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def trace_id(parent: str | None) -> str | None:
    """The trace that a `traceparent` names; None for none, or for one that is malformed."""
    return parent[3:35] if parent is not None and _TRACEPARENT.match(parent) else None


def inject(headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of the headers with the current trace in it."""
    carried = dict(headers or {})
    current = traceparent()
    if current is not None:
        carried[TRACEPARENT] = current
    return carried


def extract(headers: Mapping[str, str]) -> otel_context.Context:
    """The trace that the headers name; an empty context for none, or for one that is malformed."""
    value = headers.get(TRACEPARENT) or headers.get("Traceparent")
    if value is None or not _TRACEPARENT.match(value):
        return otel_context.Context()
    return _propagator.extract({TRACEPARENT: value}, context=otel_context.Context())


def current_ids() -> tuple[str, str] | None:
    """Trace id and span id of the current span, in hexadecimal."""
    context = trace.get_current_span().get_span_context()
    return (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else None
