"""Each request is a span by OpenTelemetry's convention for HTTP servers; what machines poll has none."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def only(recorded_spans: InMemorySpanExporter) -> ReadableSpan:
    (one,) = recorded_spans.get_finished_spans()
    return one


async def test_a_request_is_named_by_its_route_and_not_by_its_path(
    rig: Any, recorded_spans: InMemorySpanExporter
) -> None:
    path = f"/api/runs/{'0' * 8}-0000-7000-8000-{'0' * 12}/logs"
    answer = await rig.client.get(f"{path}?node=secret-of-a-query")
    one = only(recorded_spans)
    assert (one.name, one.kind) == ("GET /api/runs/{run}/logs", SpanKind.SERVER)
    assert dict(one.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/api/runs/{run}/logs",
        "http.response.status_code": 404,
        "url.path": path,
        "url.scheme": "http",
    }
    assert one.status.is_unset  # the caller's mistake is no failure of ours
    assert one.context is not None
    assert answer.headers["X-Trace-Id"] == f"{one.context.trace_id:032x}"


async def test_what_no_route_takes_is_named_by_its_method_alone(
    rig: Any, recorded_spans: InMemorySpanExporter
) -> None:
    await rig.client.get("/no/such/" + "x" * 500)
    await rig.client.request("BREW", "/no/such")
    got, brewed = recorded_spans.get_finished_spans()
    assert (got.name, brewed.name) == ("GET", "_OTHER")
    assert len(str((got.attributes or {})["url.path"])) == 256
    assert "http.route" not in (got.attributes or {})


async def test_a_failure_of_ours_is_a_failed_span(
    rig: Any, recorded_spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a text for the log")

    monkeypatch.setattr(type(rig.deps.runs), "page", broken)
    assert (await rig.client.get("/api/runs")).status_code == 500
    one = only(recorded_spans)
    assert not one.status.is_ok
    assert not one.status.is_unset
    assert (one.attributes or {})["error.type"] == "500"
    assert "a text for the log" not in one.to_json()


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/api/health", "/metrics"])
async def test_what_machines_poll_has_an_id_and_no_span(
    rig: Any, recorded_spans: InMemorySpanExporter, path: str
) -> None:
    answer = await rig.client.get(path, headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert len(answer.headers["X-Trace-Id"]) == 32
    assert recorded_spans.get_finished_spans() == ()


async def test_a_caller_that_does_not_keep_its_trace_is_followed(
    rig: Any, recorded_spans: InMemorySpanExporter
) -> None:
    answer = await rig.client.get("/api/runs", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-00"})
    assert answer.headers["X-Trace-Id"] == TRACE
    assert recorded_spans.get_finished_spans() == ()
