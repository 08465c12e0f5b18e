"""An OTLP/HTTP collector in this process, and the spans that it was sent, as trees."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

ERROR = 2  # Status.STATUS_CODE_ERROR
TOLERANCE = 500_000_000
"""Nanoseconds. The times of a state are Postgres' clock as its last answer told it, taken before the commit;
those of a block are its process's. On one machine that is one clock, seen an answer and a commit apart."""


@dataclass(frozen=True)
class Seen:
    """A span as a collector sees it."""

    name: str
    trace: str
    id: str
    parent: str
    """Empty for none."""
    start: int
    end: int
    """Nanoseconds since 1970."""
    kind: str
    failed: bool
    attributes: dict[str, Any]
    links: tuple[tuple[str, str], ...]
    """Trace and span."""
    process: str
    """Which process recorded it: `service.instance.id`."""
    service: str

    @property
    def error(self) -> str | None:
        """What it failed of."""
        return self.attributes.get("error.type")


class Sink:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        """Spans, as they were sent."""
        self.posted: list[tuple[str, bytes]] = []
        """Everything, with the path."""
        self.headers: list[tuple[str, dict[str, str]]] = []
        """What each came with, by small names, with the path."""
        self.answers: dict[str, bytes] = {}
        """What is answered, by path; nothing unless a test says."""
        self.endpoint = ""

    @property
    def spans(self) -> list[Seen]:
        """All spans until now, in the order of their starts."""
        return sorted((one for body in self.bodies for one in _read(body)), key=lambda one: one.start)

    def trace(self, trace: str) -> list[Seen]:
        """The spans of one trace."""
        return [one for one in self.spans if one.trace == trace]


@contextmanager
def otlp_sink() -> Iterator[Sink]:
    """A collector, until the end."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
            sink.headers.append((self.path, {name.lower(): said for name, said in self.headers.items()}))
            sink.posted.append((self.path, body))
            if self.path == "/v1/traces":
                sink.bodies.append(body)
            answer = sink.answers.get(self.path, b"")
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="sink-of-spans")
        thread.start()
        sink.endpoint = f"http://127.0.0.1:{server.server_port}"
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join()


def astray(spans: Sequence[Seen]) -> list[tuple[Seen, Seen]]:
    """The spans that do not lie within those above them, with those."""
    by_id = {one.id: one for one in spans}
    found = [(one, one) for one in spans if one.start > one.end]
    for one in spans:
        if (above := by_id.get(one.parent)) is None:
            continue
        early = one.start < above.start - TOLERANCE
        late = one.end > above.end + TOLERANCE and not _goes_on(one, above)
        if early or late:
            found.append((one, above))
    return found


def _goes_on(one: Seen, above: Seen) -> bool:
    """Whether nobody waited for it: a run goes on after its request, a message's work after its sending."""
    return one.name.startswith("invoke_workflow") or one.kind == "consumer" or above.kind == "producer"


def tree(spans: Sequence[Seen]) -> str:
    """The spans as an indented text, each with what it failed of; children in the order of their starts.

    What hangs below a span that is not there stands at the top, with a `?`.
    """
    ids = {one.id for one in spans}
    lines: list[str] = []

    def add(one: Seen, depth: int) -> None:
        mark = "" if one.parent in ids or not one.parent or depth else "? "
        lines.append("  " * depth + mark + one.name + (f" !{one.error}" if one.failed else ""))
        for child in sorted((c for c in spans if c.parent == one.id), key=lambda c: (c.start, c.name)):
            add(child, depth + 1)

    for one in spans:
        if one.parent not in ids:
            add(one, 0)
    return "\n".join(lines)


def _read(body: bytes) -> Iterator[Seen]:
    for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
        process = _values(of_process.resource.attributes)
        for scope in of_process.scope_spans:
            for span in scope.spans:
                yield Seen(
                    name=span.name,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    kind=Sent.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    failed=span.status.code == ERROR,
                    attributes=_values(span.attributes),
                    links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                    process=process["service.instance.id"],
                    service=process["service.name"],
                )


def _values(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in attributes
    }
