"""What a collector was sent beside spans: log lines and metrics, as Python has them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from otlp_spans import Sink


@dataclass(frozen=True)
class ToldLine:
    """A log line as a collector sees it."""

    body: str
    severity: str
    number: int
    at: int
    """Nanoseconds since 1970."""
    trace: str
    span: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


def lines(sink: Sink) -> list[ToldLine]:
    """All log lines until now."""
    return list(_lines(body for path, body in sink.posted if path == "/v1/logs"))


def last_metrics(sink: Sink) -> dict[str, Metric]:
    """The last export of metrics, by name."""
    bodies = [body for path, body in sink.posted if path == "/v1/metrics"]
    (of_resource,) = ExportMetricsServiceRequest.FromString(bodies[-1]).resource_metrics
    return {metric.name: metric for metric in of_resource.scope_metrics[0].metrics}


def plain(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes as Python has them."""
    return {one.key: _value(one.value) for one in attributes}


def _lines(bodies: Iterable[bytes]) -> Iterator[ToldLine]:
    for body in bodies:
        for of_resource in ExportLogsServiceRequest.FromString(body).resource_logs:
            resource = plain(of_resource.resource.attributes)
            for record in of_resource.scope_logs[0].log_records:
                yield ToldLine(
                    body=record.body.string_value,
                    severity=record.severity_text,
                    number=record.severity_number,
                    at=record.time_unix_nano,
                    trace=record.trace_id.hex(),
                    span=record.span_id.hex(),
                    attributes=plain(record.attributes),
                    resource=resource,
                )


def _value(given: AnyValue) -> Any:
    match given.WhichOneof("value"):
        case "kvlist_value":
            return plain(given.kvlist_value.values)
        case "array_value":
            return [_value(one) for one in given.array_value.values]
        case None:
            return None
        case kind:
            return getattr(given, kind)
