"""What `make observe` is made of: a sink that takes three signals and no more, and panels that there are."""

import http.client as http_client

import httpx2
import pytest
from dashboard_files import RUN, dashboards
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
from panel_answers import FILLED, QUESTIONS, Panel, first_query
from telemetry_sink import LARGEST_BODY, telemetry_sink


def attribute(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


RESOURCE = Resource(attributes=[attribute("service.name", "orchestration")])
TRACE = bytes(range(16))


def test_the_sink_names_fields_as_loki_and_tempo_do_and_counts_by_service() -> None:
    line = LogRecord(
        body=AnyValue(string_value="run.finished"),
        attributes=[attribute("run", "r1"), attribute("airlock.stream", "agent")],
        trace_id=TRACE,
    )
    span = Span(
        name="node a",
        trace_id=TRACE,
        status=Status(code=Status.StatusCode.STATUS_CODE_ERROR),
        attributes=[attribute("airlock.run", "r1")],
    )
    logs = ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=RESOURCE, scope_logs=[ScopeLogs(log_records=[line, line])])]
    )
    traces = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=RESOURCE, scope_spans=[ScopeSpans(spans=[span])])]
    )
    with telemetry_sink() as sink, httpx2.Client(base_url=sink.endpoint) as http:
        for path, request in (("/v1/logs", logs), ("/v1/traces", traces)):
            assert http.post(path, content=request.SerializeToString()).status_code == 200
    assert sink.counts == {("logs", "orchestration"): 2, ("traces", "orchestration"): 1}
    assert sink.lines[0].text == "run.finished"
    assert sink.lines[0].labels == {
        "service_name": "orchestration",
        "run": "r1",
        "airlock_stream": "agent",
        "trace_id": TRACE.hex(),
    }
    assert sink.spans[0].fields == {
        "resource.service.name": "orchestration",
        "span.airlock.run": "r1",
        "name": "node a",
        "status": "error",
    }
    assert sink.traces() == {TRACE.hex(): {"orchestration"}}


def test_the_sink_refuses_what_is_none_of_the_three_signals_and_what_is_too_large() -> None:
    with telemetry_sink() as sink, httpx2.Client(base_url=sink.endpoint) as http:
        assert http.post("/v1/profiles", content=b"").status_code == 404
        large = http_client.HTTPConnection("127.0.0.1", int(sink.endpoint.rpartition(":")[2]), timeout=10)
        large.request("POST", "/v1/logs", headers={"Content-Length": str(LARGEST_BODY + 1)})
        assert large.getresponse().status == 413
        large.close()
    assert not sink.counts


PANELS = [one for question in QUESTIONS for one in question.asked if isinstance(one, Panel)]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_what_observe_asks_is_what_a_panel_asks_with_every_choice_made(panel: Panel) -> None:
    source, asked = first_query(panel, RUN)
    assert source in ("prometheus", "loki", "tempo")
    assert "$" not in asked
    choices = {f"${one['name']}" for one in dashboards()[panel.uid]["templating"]["list"]}
    assert choices <= {*FILLED, "$run"}
    assert (RUN in asked) is (panel.title in ("What was said about the run", "What failed in it"))
