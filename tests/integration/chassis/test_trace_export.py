"""Spans reach a collector over OTLP/HTTP, and a collector that is away holds up nothing."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from airlock_chassis.telemetry import configure_traces, shutdown_traces, span
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An OTLP/HTTP sink: its address, and what was posted to it."""
    posted: list[tuple[str, bytes]] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", posted
        server.shutdown()
        thread.join()


def test_spans_arrive_with_service_parent_and_attributes(
    collector: tuple[str, list[tuple[str, bytes]]],
) -> None:
    endpoint, posted = collector
    configure_traces(service="agent-host", version="1.2.3", endpoint=endpoint)
    with span("attempt.run", parent=PARENT, attributes={"airlock.node": "scan"}):
        pass
    shutdown_traces()
    ((path, body),) = posted
    raw = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    (resource,) = ExportTraceServiceRequest.FromString(raw).resource_spans
    names = {a.key: a.value.string_value for a in resource.resource.attributes}
    (sent,) = resource.scope_spans[0].spans
    assert path == "/v1/traces"
    assert names["service.name"] == "agent-host"
    assert sent.name == "attempt.run"
    assert sent.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert sent.parent_span_id.hex() == "b7ad6b7169203331"


def test_a_collector_that_is_away_holds_up_no_work() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        configure_traces(service="x", version="1", endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}")
        started = time.monotonic()
        for _ in range(10_000):  # more than may wait: the rest is dropped
            with span("attempt.run"):
                pass
        worked = time.monotonic()
        shutdown_traces()
    assert worked - started < 10
    assert time.monotonic() - worked < 10
    # Nor is anything left that waits for its next try.
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("otlp-")]
