"""A collector that takes all three signals by OTLP/HTTP and keeps what they say, for a while and in memory.

It stands where the OpenTelemetry Collector, Tempo and Loki do, for who wants to see what Airlock sends:
fields are named as those two name them. It keeps the last of each signal, never more.
"""

from __future__ import annotations

import gzip
import re
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

KEPT = 20_000
"""Of spans, and of lines: a few minutes of load."""
LARGEST_BODY = 16 << 20
"""Bytes of a request. Airlock sends 512 spans or lines at once."""
_STATUSES = ("unset", "ok", "error")
_NO_NAME = re.compile(r"\W")


@dataclass(frozen=True, slots=True)
class Span:
    """A span, with its fields as TraceQL names them."""

    trace: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """A log line, with its labels as Loki names them."""

    text: str
    labels: Mapping[str, str]


class TelemetrySink:
    """What arrived, by signal. Counts are of everything; spans and lines are the last `KEPT`."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.spans: deque[Span] = deque(maxlen=KEPT)
        self.lines: deque[Line] = deque(maxlen=KEPT)
        self.metrics: dict[str, set[str]] = {}
        """Names of metrics by service."""
        self.counts: Counter[tuple[str, str]] = Counter()
        """Spans, lines and exports of metrics, by signal and service."""
        self._lock = threading.Lock()

    def take(self, path: str, body: bytes) -> bool:
        """Take a request; False for one of a signal that nobody knows. Raises DecodeError."""
        match path:
            case "/v1/traces":
                self._take_traces(ExportTraceServiceRequest.FromString(body))
            case "/v1/logs":
                self._take_logs(ExportLogsServiceRequest.FromString(body))
            case "/v1/metrics":
                self._take_metrics(ExportMetricsServiceRequest.FromString(body))
            case _:
                return False
        return True

    def traces(self) -> dict[str, frozenset[str]]:
        """Each trace with the services that have a span in it."""
        found: dict[str, set[str]] = {}
        with self._lock:
            for span in self.spans:
                found.setdefault(span.trace, set()).add(span.fields["resource.service.name"])
        return {trace: frozenset(services) for trace, services in found.items()}

    def _take_traces(self, request: ExportTraceServiceRequest) -> None:
        for process in request.resource_spans:
            resource = _fields(process.resource.attributes, "resource.")
            found = [
                Span(
                    span.trace_id.hex(),
                    resource
                    | _fields(span.attributes, "span.")
                    | {"name": span.name, "status": _STATUSES[span.status.code]},
                )
                for scope in process.scope_spans
                for span in scope.spans
            ]
            with self._lock:
                self.spans.extend(found)
                self.counts["traces", resource["resource.service.name"]] += len(found)

    def _take_logs(self, request: ExportLogsServiceRequest) -> None:
        for process in request.resource_logs:
            resource = _labels(process.resource.attributes)
            found = [
                Line(
                    record.body.string_value,
                    resource | _labels(record.attributes) | {"trace_id": record.trace_id.hex()},
                )
                for scope in process.scope_logs
                for record in scope.log_records
            ]
            with self._lock:
                self.lines.extend(found)
                self.counts["logs", resource["service_name"]] += len(found)

    def _take_metrics(self, request: ExportMetricsServiceRequest) -> None:
        for process in request.resource_metrics:
            service = _labels(process.resource.attributes)["service_name"]
            found = {metric.name for scope in process.scope_metrics for metric in scope.metrics}
            with self._lock:
                self.metrics[service] = self.metrics.get(service, set()) | found
                self.counts["metrics", service] += 1


@contextmanager
def telemetry_sink() -> Iterator[TelemetrySink]:
    """A collector on a free port of this machine, until the end."""
    sink = TelemetrySink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            if length > LARGEST_BODY:
                self._answer(413)
                return
            body = self.rfile.read(length)
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self._answer(200 if sink.take(self.path, body) else 404)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="telemetry-sink")
        thread.start()
        sink.endpoint = f"http://127.0.0.1:{server.server_port}"
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join()


def _fields(attributes: Iterable[KeyValue], scope: str) -> dict[str, str]:
    return {scope + one.key: _text(one) for one in attributes}


def _labels(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Loki's names: what is no letter, digit or `_` becomes `_`."""
    return {_NO_NAME.sub("_", one.key): _text(one) for one in attributes}


def _text(one: KeyValue) -> str:
    return str(getattr(one.value, one.value.WhichOneof("value") or "string_value"))
