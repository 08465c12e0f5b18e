"""Traces: one run is one trace, carried by the W3C `traceparent` in headers and messages.

What is short is a block under `span`. What outlives a process (a run, a node, an attempt, a wait) has an id
derived from its name, so that whoever works below it can name it as the parent before it exists anywhere;
whoever sees its end hands it to `record`, with both times.
"""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from weakref import WeakSet

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from . import names
from .otlp.collector import Collector
from .otlp.spans import SpanQueue
from .sampling import Lane, in_lane, sampler

TRACEPARENT = "traceparent"

Attribute = str | int | float | bool
Kind = trace.SpanKind
Span = trace.Span

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_OURS = "airlock_"
"""How our packages' names begin."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_given_id: ContextVar[int | None] = ContextVar("given_id", default=None)
_dropped: WeakSet[trace.Span] = WeakSet()


class _Ids(RandomIdGenerator):
    """Gives a span the id that `record` was asked for, and any other a random one."""

    def generate_span_id(self) -> int:
        given = _given_id.get()
        return super().generate_span_id() if given is None else given


class _Tracing:
    """The tracer of this process; none until `configure_traces`."""

    provider: TracerProvider | None = None
    tracer: trace.Tracer | None = None


def configure_traces(
    *,
    service: str,
    version: str,
    endpoint: str | None,
    ratio: float = 1.0,
    per_second: float = math.inf,
    host: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send spans to an OTLP/HTTP endpoint (`http://collector:4318`); without one, tracing costs nothing.

    `ratio` is the share of new traces that are kept, `per_second` how many of these at most, in each lane; a
    trace that came in sampled stays sampled, as far as its lane lets it.
    """
    if endpoint is None:
        return
    collector = Collector.at(endpoint, service=service, version=version, host=host, headers=headers)
    provider = TracerProvider(
        resource=collector.resource,
        sampler=sampler(ratio=ratio, per_second=per_second),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(SpanQueue(collector))
    use_provider(provider)


def use_provider(provider: TracerProvider | None) -> None:
    """Make this provider the process's own; None turns tracing off."""
    _Tracing.provider = provider
    _Tracing.tracer = None
    if provider is not None:
        provider.id_generator = _Ids()
        _Tracing.tracer = provider.get_tracer("airlock")


def shutdown_traces() -> None:
    """Send what waits, for a bounded time, and turn tracing off. Blocks: call it at the very end."""
    provider = _Tracing.provider
    use_provider(None)
    if provider is not None:
        provider.shutdown()


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    kind: Kind = Kind.INTERNAL,
    attributes: Mapping[str, Attribute] | None = None,
    links: Sequence[str | None] = (),
    lane: Lane | None = None,
) -> Iterator[Span]:
    """Run a block as a span, under `parent` (a traceparent) or else under the current span.

    `links` are traceparents too; one that is None or malformed leads nowhere and is left out.

    An exception that leaves the block gives it the status of an error, with its `code` (one of ours) or else
    its name, and passes through; its text is left to the log, which masks it. Begin and end it in one task.
    What begins a trace here, or comes in from outside, names the `lane` whose pace it counts against.
    """
    tracer = _Tracing.tracer
    given = _context_of(parent)
    above = given if parent else trace.get_current_span().get_span_context()
    unkept = above is not None and above.is_valid and not above.trace_flags.sampled
    if tracer is None or unkept:
        with _carried(given):
            yield trace.INVALID_SPAN
        return
    context = None
    if parent:
        context = otel_context.Context() if given is None else _below(given)
    if lane is not None:
        context = in_lane(lane, context)
    with tracer.start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes=attributes,
        links=_links(links),
        record_exception=False,
        set_status_on_exception=False,
        end_on_exit=False,
    ) as opened:
        try:
            yield opened
        except Exception as error:
            fail(opened, _code_of(error))
            raise
        finally:
            if opened not in _dropped:
                opened.end()


def _code_of(error: Exception) -> str:
    """The code of an error of ours, else its name: others have a `code` too, which says something else."""
    code = getattr(error, "code", None)
    is_ours = type(error).__module__.startswith(_OURS)
    return code if isinstance(code, str) and is_ours else type(error).__qualname__


def drop(opened: Span) -> None:
    """Let nobody hear of a span that is open: it came to nothing worth telling."""
    _dropped.add(opened)


def fail(opened: Span, code: str) -> None:
    """Mark a span as failed: `code` is a failure's code or an exception's name, never a text."""
    opened.set_status(trace.StatusCode.ERROR)
    opened.set_attribute(names.ATTR_ERROR, code)


def record(
    name: str,
    *,
    parent: str | None,
    start: datetime,
    end: datetime,
    id_: str | None = None,
    kind: Kind = Kind.INTERNAL,
    attributes: Mapping[str, Attribute] | None = None,
    links: Sequence[str] = (),
    error: str | None = None,
) -> None:
    """Hand over a span that is over, under `parent` (a traceparent), if that one's trace is kept at all.

    `id_` is sixteen hexadecimal digits, such as those of `span_id`; without one it is random. `error` is a
    failure's code. An end before the start is taken for the start.
    """
    tracer = _Tracing.tracer
    above = _context_of(parent)
    if tracer is None or above is None or not above.trace_flags.sampled:
        return
    token = _given_id.set(None if id_ is None else int(id_, 16))
    try:
        opened = tracer.start_span(
            name,
            _below(above),
            kind,
            attributes,
            _links(links),
            start_time=_nanoseconds(start),
        )
    finally:
        _given_id.reset(token)
    if error is not None:
        fail(opened, error)
    opened.end(_nanoseconds(max(start, end)))


def is_kept(parent: str | None) -> bool:
    """Whether what is recorded under this traceparent goes anywhere: else nothing need be prepared for it."""
    if _Tracing.tracer is None or parent is None or not _TRACEPARENT.fullmatch(parent):
        return False
    return int(parent[53:], 16) & trace.TraceFlags.SAMPLED != 0


def messaging(operation: str, destination: str) -> dict[str, Attribute]:
    """What OpenTelemetry's convention for messaging wants of the span `{operation} {destination}`."""
    return {
        names.ATTR_MESSAGING_SYSTEM: "nats",
        names.ATTR_MESSAGING_DESTINATION: destination,
        names.ATTR_MESSAGING_OPERATION: operation,
        names.ATTR_MESSAGING_OPERATION_TYPE: operation,
    }


def span_id(named: str) -> str:
    """The id of a span that many know: spelled from the name of what it stands for, such as `RUN/NODE/2`."""
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def child_of(parent: str | None, named: str) -> str | None:
    """The traceparent of the span that stands for what is named, in the trace of `parent`; None for none."""
    if parent is None or not _TRACEPARENT.fullmatch(parent):
        return None
    return f"{parent[:36]}{span_id(named)}{parent[52:]}"


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND * 1000


def _below(above: trace.SpanContext) -> otel_context.Context:
    return trace.set_span_in_context(trace.NonRecordingSpan(above), otel_context.Context())


def _links(parents: Sequence[str | None]) -> list[trace.Link]:
    return [trace.Link(context) for parent in parents if (context := _context_of(parent)) is not None]


def _context_of(parent: str | None) -> trace.SpanContext | None:
    """What a traceparent names; None for none, or for one that is malformed."""
    if parent is None or not _TRACEPARENT.fullmatch(parent):
        return None
    flags = trace.TraceFlags(int(parent[53:], 16))
    context = trace.SpanContext(
        int(parent[3:35], 16), int(parent[36:52], 16), is_remote=True, trace_flags=flags
    )
    return context if context.is_valid else None


@contextmanager
def _carried(above: trace.SpanContext | None) -> Iterator[None]:
    """Where nothing is recorded, still pass on the caller's trace."""
    if above is None:
        yield
        return
    token = otel_context.attach(_below(above))
    try:
        yield
    finally:
        otel_context.detach(token)


@contextmanager
def below(parent: str | None) -> Iterator[None]:
    """Run a block right below what a traceparent names, not below a span of this process."""
    given = _context_of(parent)
    token = otel_context.attach(otel_context.Context() if given is None else _below(given))
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
    return parent[3:35] if parent is not None and _TRACEPARENT.fullmatch(parent) else None


def inject(headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of the headers with the current trace in it."""
    carried = dict(headers or {})
    current = traceparent()
    if current is not None:
        carried[TRACEPARENT] = current
    return carried


def extract(headers: Mapping[str, str]) -> otel_context.Context:
    """The trace that the headers name; an empty context for none, or for one that is malformed."""
    above = _context_of(headers.get(TRACEPARENT) or headers.get("Traceparent"))
    return otel_context.Context() if above is None else _below(above)


def current_ids() -> tuple[str, str] | None:
    """Trace id and span id of the current span, in hexadecimal."""
    context = trace.get_current_span().get_span_context()
    return (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else None
