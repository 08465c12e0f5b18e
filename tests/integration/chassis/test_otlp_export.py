"""What a collector gets: metrics as on /metrics, lines as on stdout, what agents say on its own stream."""

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest
import structlog
from airlock_chassis.telemetry import configure_logs, configure_traces, forget_secrets, get_logger, span
from airlock_chassis.telemetry import metrics as declared
from airlock_chassis.telemetry.export import configure_export, shutdown_telemetry
from airlock_chassis.telemetry.logs import carry_alone
from airlock_chassis.telemetry.otlp.collector import MAX_REQUEST_BYTES
from airlock_chassis.telemetry.otlp.figures import MAX_POINTS
from airlock_chassis.telemetry.secrets import register_secret
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from otlp_spans import Sink, otlp_sink
from otlp_told import last_metrics, lines, plain
from prometheus_client.parser import text_string_to_metric_families

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


@pytest.fixture
def sink() -> Iterator[Sink]:
    with otlp_sink() as sink:
        yield sink


@pytest.fixture
def out(sink: Sink) -> Iterator[io.StringIO]:
    """A process that logs to memory and sends to the sink; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    config = structlog.get_config()
    stream = io.StringIO()
    configure_logs(service="agent-host", version="1.2.3", stream=stream)
    process = {"service": "agent-host", "version": "1.2.3", "endpoint": sink.endpoint, "host": "h1"}
    configure_traces(**process)  # type: ignore[arg-type]
    configure_export(metrics_seconds=3600, **process)  # type: ignore[arg-type]
    yield stream
    shutdown_telemetry()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.configure(**config)
    forget_secrets()


def test_the_metrics_sent_are_those_on_the_page_of_metrics(sink: Sink, out: io.StringIO) -> None:
    declared.commits_total.inc(3)
    declared.sandbox_start_seconds.labels("cold").observe(0.2)
    declared.queue_depth.labels("default").set(7)
    began = time.time_ns()
    shutdown_telemetry()
    shown = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in text_string_to_metric_families(declared.render_metrics().decode())
        if family.type in ("counter", "gauge", "histogram") and not family.name.endswith("_created")
    }
    sent = last_metrics(sink)
    with_series = {name for name, family in shown.items() if family.samples}
    assert set(sent) == with_series

    commits = sent["commits_total"].sum
    assert (commits.is_monotonic, commits.aggregation_temporality) == (True, CUMULATIVE)
    (point,) = commits.data_points
    assert [point.as_double] == [
        sample.value for sample in shown["commits_total"].samples if sample.name == "commits_total"
    ]
    assert 0 < point.start_time_unix_nano < began < point.time_unix_nano

    (depth,) = (
        one for one in sent["queue_depth"].gauge.data_points if plain(one.attributes) == {"pool": "default"}
    )
    assert depth.as_double == 7

    starts = sent["sandbox_start_seconds"]
    assert starts.unit == "s"
    assert starts.histogram.aggregation_temporality == CUMULATIVE
    (cold,) = (
        one for one in starts.histogram.data_points if plain(one.attributes) == {"temperature": "cold"}
    )
    buckets = {
        sample.labels["le"]: sample.value
        for sample in shown["sandbox_start_seconds"].samples
        if sample.name.endswith("_bucket") and sample.labels["temperature"] == "cold"
    }
    upto = [sum(cold.bucket_counts[: n + 1]) for n in range(len(cold.bucket_counts))]
    assert upto == list(buckets.values())
    assert list(cold.explicit_bounds) == [float(bound) for bound in list(buckets)[:-1]]
    assert cold.count == buckets["+Inf"]
    assert cold.sum >= 0.2
    assert not cold.HasField("min")


def test_each_signal_comes_with_the_headers_that_the_collector_asks_for(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compose hands OpenTelemetry's own variables on, empty where nobody set them: that counts as unset."""
    for name in ("HEADERS", "CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE", "COMPRESSION"):
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", "")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "")
    process = {
        "service": "agent-host",
        "version": "1.2.3",
        "endpoint": sink.endpoint,
        "headers": {"x-token": "of-a-team"},
    }
    configure_traces(**process)  # type: ignore[arg-type]
    configure_export(metrics_seconds=3600, **process)  # type: ignore[arg-type]
    with span("work"):
        carry_alone({"timestamp": "2026-01-01T00:00:00.000001Z", "level": "info", "event": "line"}, 100)
    shutdown_telemetry()
    assert {path: came["x-token"] for path, came in sink.headers} == dict.fromkeys(
        ("/v1/traces", "/v1/logs", "/v1/metrics"), "of-a-team"
    )


def test_the_process_tells_who_it_is(sink: Sink, out: io.StringIO) -> None:
    get_logger("x").info("host.starting")
    shutdown_telemetry()
    (line,) = lines(sink)
    resource = line.resource
    assert resource["service.name"] == "agent-host"
    assert resource["service.version"] == "1.2.3"
    assert resource["service.instance.id"] == resource["host.name"] == "h1"
    (info,) = last_metrics(sink)["airlock_info"].gauge.data_points
    assert plain(info.attributes) == {"service": "agent-host", "version": "1.2.3"}


def test_a_line_is_sent_as_it_stands_on_stdout(sink: Sink, out: io.StringIO) -> None:
    register_secret("hunter2-hunter2")
    with span("attempt.run", parent=PARENT):
        get_logger("airlock.test").warning(
            "attempt.finished",
            run="r1",
            attempt=2,
            took=1.5,
            claimed=True,
            nothing=None,
            reason="with hunter2-hunter2 in it",
            details={"codes": ["a", 7]},
        )
    shutdown_telemetry()
    (line,) = (json.loads(text) for text in out.getvalue().splitlines())
    (sent,) = lines(sink)
    assert sent.body == line["event"] == "attempt.finished"
    assert (sent.severity, sent.number) == ("WARNING", 13)
    assert sent.trace == line["trace_id"] == PARENT[3:35]
    assert sent.span == line["span_id"]
    named = {"timestamp", "level", "event", "service", "version", "trace_id", "span_id", "nothing"}
    assert sent.attributes == {key: told for key, told in line.items() if key not in named}
    assert "hunter2" not in str(sink.posted)
    assert abs(sent.at - time.time_ns()) < 60e9


def test_what_protobuf_cannot_say_costs_no_other_line(sink: Sink, out: io.StringIO) -> None:
    log = get_logger("x")
    log.info("odd", big=2**70, surrogate="\ud800", kind=object, key={"\udfff": 1}, trace_id="no trace")
    log.info("even")
    shutdown_telemetry()
    odd, even = lines(sink)
    assert odd.attributes["big"] == str(2**70)
    assert odd.attributes["surrogate"] == "\\ud800"
    assert even.body == "even"


def test_what_an_agent_nests_deep_costs_no_other_line(sink: Sink, out: io.StringIO) -> None:
    deep: object = 1
    for _ in range(60):
        deep = {"a": [deep]}
    stamp = {"timestamp": "2026-01-01T00:00:00.000001Z", "level": "info"}
    carry_alone({**stamp, "event": "deep", "fields": deep}, 100)
    carry_alone({**stamp, "event": "plain"}, 100)
    shutdown_telemetry()
    assert [line.body for line in lines(sink)] == ["deep", "plain"]


def test_a_line_that_cannot_be_sent_costs_no_other_line_and_no_trust(sink: Sink, out: io.StringIO) -> None:
    before = declared.telemetry_dropped_total.labels("logs")._value.get()
    stamp = {"timestamp": "2026-01-01T00:00:00.000001Z", "level": "info"}
    for number in range(10):
        carry_alone({**stamp, "event": f"before {number}"}, 100)
    carry_alone({"event": "broken, for it has no time"}, 100)
    carry_alone({**stamp, "event": "an attribute's name is lost, not its line", "fields": {"\ud800": 1}}, 100)
    carry_alone({**stamp, "event": "too large for any request " + 3 * 2**20 * "x"}, 100)
    carry_alone({**stamp, "event": "after"}, 100)
    while "otlp.broke" not in out.getvalue():
        time.sleep(0.01)
    shutdown_telemetry()
    got = [line.body for line in lines(sink)]
    assert [body for body in got if body != "otlp.broke"] == [
        *(f"before {number}" for number in range(10)),
        "an attribute's name is lost, not its line",
        "after",
    ]
    assert got.count("otlp.broke") == 1
    (told,) = (line for line in lines(sink) if line.body == "otlp.broke")
    assert told.attributes["dropped"] == 2
    assert "KeyError" in told.attributes["exception"]
    assert declared.telemetry_dropped_total.labels("logs")._value.get() - before == 2
    assert "breaker.opened" not in out.getvalue()


def test_what_a_library_calls_time_or_trace_is_not_the_line_s_own(sink: Sink, out: io.StringIO) -> None:
    head = {"timestamp": 12345, "service": "theirs", "version": None, "level": "x", "trace_id": "9" * 40}
    logging.getLogger("a.library").warning("theirs", extra=head)
    shutdown_telemetry()
    (line,) = (json.loads(text) for text in out.getvalue().splitlines())
    assert (line["service"], line["version"], line["level"]) == ("agent-host", "1.2.3", "warning")
    assert (line["extra_timestamp"], line["extra_service"]) == (12345, "theirs")
    (sent,) = lines(sink)
    assert sent.attributes["extra_timestamp"] == 12345
    assert sent.trace == ""


def test_no_request_is_larger_than_its_bound_however_much_waits(sink: Sink, out: io.StringIO) -> None:
    stamp = {"timestamp": "2026-01-01T00:00:00.000001Z", "level": "info"}
    for _ in range(100):  # said to be light, and is not
        carry_alone({**stamp, "event": 100_000 * "x"}, 100)
    with span("many", parent=PARENT, attributes={f"k{n}": 256 * "\U0001f600" for n in range(16)}) as opened:
        for _ in range(300):
            with span(128 * "\U0001f600", attributes=dict(opened.attributes)):  # type: ignore[attr-defined]
                pass
    for number in range(3 * MAX_POINTS):
        declared.http_requests_total.labels(f"/{number}", "GET", "200").inc()
    shutdown_telemetry()
    for number in range(3 * MAX_POINTS):
        declared.http_requests_total.remove(f"/{number}", "GET", "200")
    assert len(lines(sink)) == 100
    assert len(sink.spans) == 301
    routes = {route for route in _routes_counted(sink) if route[1:].isdigit()}
    assert len(routes) == 3 * MAX_POINTS
    sizes = {path: [len(body) for one, body in sink.posted if one == path] for path, _ in sink.posted}
    assert all(max(of_one) <= MAX_REQUEST_BYTES and len(of_one) > 1 for of_one in sizes.values()), sizes


def _routes_counted(sink: Sink) -> Iterator[str]:
    for path, body in sink.posted:
        if path == "/v1/metrics":
            for metric in (
                ExportMetricsServiceRequest.FromString(body).resource_metrics[0].scope_metrics[0].metrics
            ):
                if metric.name == "http_requests_total":
                    yield from (plain(point.attributes)["route"] for point in metric.sum.data_points)


def test_what_agents_say_goes_on_its_own_stream_and_not_twice(sink: Sink, out: io.StringIO) -> None:
    get_logger("x").info("agent.stderr", text="on stdout, in short")
    fields = {"timestamp": "2026-01-01T00:00:00.000001Z", "level": "info", "event": "line by line"}
    carry_alone({**fields, "airlock.stream": "agent", "run": "r1"}, 100)
    shutdown_telemetry()
    assert "line by line" not in out.getvalue()
    (sent,) = lines(sink)
    assert sent.body == "line by line"
    assert sent.attributes == {"airlock.stream": "agent", "run": "r1"}
    assert sent.at == 1_767_225_600_000_001_000


def test_what_the_collector_says_it_rejected_is_counted(sink: Sink, out: io.StringIO) -> None:
    refusal = ExportLogsServiceResponse()
    refusal.partial_success.rejected_log_records = 2
    sink.answers["/v1/logs"] = refusal.SerializeToString()
    before = declared.telemetry_dropped_total.labels("logs")._value.get()
    for _ in range(3):
        get_logger("x").info("line")
    shutdown_telemetry()
    assert declared.telemetry_dropped_total.labels("logs")._value.get() - before == 2
