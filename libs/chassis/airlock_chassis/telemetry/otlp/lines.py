"""Log lines by OTLP: each as it stands on stdout, its fields as attributes."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from .. import names
from .batches import Batches
from .collector import MAX_REQUEST_BYTES, Collector, Sender, rejected_of
from .connection import BoundedSession

SIGNAL = "logs"
QUEUE_LINES = 4096
_SCOPE = InstrumentationScope("airlock")
_ELSEWHERE = frozenset(
    {
        *(names.LOG_TIMESTAMP, names.LOG_LEVEL, names.LOG_EVENT, names.LOG_TRACE, names.LOG_SPAN),
        *(names.LOG_SERVICE, names.LOG_VERSION),
    }
)
"""Fields with a place of their own in a record, or in the resource."""
_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}
_TRACE_DIGITS = 32
_SPAN_DIGITS = 16
_INT64 = 2**63
MAX_DEPTH = 8
"""Readers of protobuf refuse a request with 100 messages in each other; each level here is three."""

Line = Mapping[str, Any]


class LineQueue:
    """Sends lines in a thread of its own."""

    def __init__(self, collector: Collector) -> None:
        session = BoundedSession()
        exporter = OTLPLogExporter(
            endpoint=collector.url(SIGNAL),
            headers=collector.headers,
            timeout=collector.export_seconds,
            session=session,
            max_request_size=MAX_REQUEST_BYTES,
        )

        def export(lines: Sequence[Line]) -> bool:
            records = [record_of(line, collector) for line in lines]
            return exporter.export(records) is LogRecordExportResult.SUCCESS

        send = Sender(
            collector,
            session,
            export=export,
            end=exporter.shutdown,
            rejected=rejected_of(ExportLogsServiceResponse, "rejected_log_records"),
        )
        self._flush_seconds = collector.flush_seconds
        self._batches = Batches[Line](SIGNAL, send, send.cut, most=QUEUE_LINES)

    def put(self, line: Line, size: int) -> None:
        """Take a line, masked and bounded already, with the fields of stdout. Never waits."""
        self._batches.put(line, size)

    def close(self) -> None:
        """Send what waits, for a bounded time. Blocks."""
        self._batches.close(self._flush_seconds)


def record_of(line: Line, collector: Collector) -> ReadableLogRecord:
    """A line as a record. Pure."""
    at = _nanoseconds(str(line[names.LOG_TIMESTAMP]))
    level = str(line.get(names.LOG_LEVEL, "info"))
    context = SpanContext(
        trace_id=_id(line.get(names.LOG_TRACE), _TRACE_DIGITS),
        span_id=_id(line.get(names.LOG_SPAN), _SPAN_DIGITS),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    record = LogRecord(
        timestamp=at,
        observed_timestamp=at,
        context=set_span_in_context(NonRecordingSpan(context)),
        severity_text=level.upper(),
        severity_number=_SEVERITIES.get(level, SeverityNumber.INFO),
        body=_sayable(line.get(names.LOG_EVENT, "")),
        attributes={
            str(_sayable(key)): _sayable(value)
            for key, value in line.items()
            if key not in _ELSEWHERE and value is not None
        },
    )
    return ReadableLogRecord(record, collector.resource, _SCOPE)


def _nanoseconds(stamp: str) -> int:
    at = datetime.fromisoformat(stamp)
    return int(at.timestamp()) * 10**9 + at.microsecond * 1000


def _id(spelled: Any, digits: int) -> int:
    """An id by its hexadecimal digits; 0 for none, and for what is none: a line's field may be anybody's."""
    text = str(spelled or "")
    return int(text, 16) if re.fullmatch(f"[0-9a-f]{{{digits}}}", text) else 0


def _sayable(value: Any, depth: int = 0) -> Any:
    """The value, or what protobuf can say of it; no deeper than whoever reads it takes."""
    match value:
        case Mapping() | list() | tuple() if depth == MAX_DEPTH:
            return f"<{type(value).__name__} of {len(value)}>"
        case bool() | float() | None:
            return value
        case int():
            return value if -_INT64 <= value < _INT64 else str(value)
        case str():
            return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
        case Mapping():
            return {str(_sayable(str(key))): _sayable(inner, depth + 1) for key, inner in value.items()}
        case list() | tuple():
            return [_sayable(inner, depth + 1) for inner in value]
        case _:
            return _sayable(repr(value))
