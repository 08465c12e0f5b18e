"""Metrics by OTLP: what /metrics shows, sent now and then. The registry is the one source of both.

Names are those of /metrics: a Prometheus that takes OTLP in stores them under the same.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from ..metrics import REGISTRY, telemetry_dropped_total
from .collector import MAX_REQUEST_BYTES, Collector, Sender, rejected_of
from .connection import BoundedSession

SIGNAL = "metrics"
LAST_SECONDS = 1.0
MAX_POINTS = 2000
"""Series in one request: a histogram's with long labels takes 700 bytes."""
_SCOPE = InstrumentationScope("airlock")
_SCHEMA = ""
_CUMULATIVE = sdk.AggregationTemporality.CUMULATIVE
_UNITS = {"seconds": "s", "bytes": "By"}
_STARTED = time.time_ns()
"""Counters that do not know when they began (the process's own) began with the process."""

Labels = tuple[tuple[str, str], ...]


class MetricsExport:
    """Sends the registry every so often, in a thread of its own."""

    def __init__(
        self, collector: Collector, *, every_seconds: float, registry: CollectorRegistry = REGISTRY
    ) -> None:
        session = BoundedSession()
        exporter = OTLPMetricExporter(
            endpoint=collector.url(SIGNAL),
            headers=collector.headers,
            timeout=collector.export_seconds,
            session=session,
            max_export_batch_size=MAX_POINTS,
            max_request_size=MAX_REQUEST_BYTES,
        )

        def export(_: Sequence[Any]) -> bool:
            taken = metrics_of(registry.collect(), collector, time.time_ns())
            return exporter.export(taken) is sdk.MetricExportResult.SUCCESS

        self._send = Sender(
            collector,
            session,
            export=export,
            end=exporter.shutdown,
            rejected=rejected_of(ExportMetricsServiceResponse, "rejected_data_points"),
        )
        self._every = every_seconds
        self._flush_seconds = collector.flush_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"otlp-{SIGNAL}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send once more, for a bounded time. Blocks."""
        self._stop.set()
        self._thread.join(self._flush_seconds)
        self._send.cut()
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        last = False
        while not last:
            last = self._stop.wait(self._every)
            # One for the whole of it: the next carries every sum again.
            telemetry_dropped_total.labels(SIGNAL).inc(self._send(["all"]))


def metrics_of(families: Iterable[Metric], collector: Collector, now: int) -> sdk.MetricsData:
    """The families of a registry as OTLP's data; `now` in nanoseconds. Pure."""
    metrics = [metric for family in families if (metric := _metric(family, now)) is not None]
    scoped = sdk.ScopeMetrics(_SCOPE, metrics, _SCHEMA)
    return sdk.MetricsData([sdk.ResourceMetrics(collector.resource, [scoped], _SCHEMA)])


def _metric(family: Metric, now: int) -> sdk.Metric | None:
    data: sdk.Sum | sdk.Gauge | sdk.Histogram
    name = family.name
    began = {_labels(one): int(one.value * 1e9) for one in family.samples if one.name == f"{name}_created"}
    match family.type:
        case "counter":
            name = f"{name}_total"
            data = sdk.Sum(list(_sums(family, name, began, now)), _CUMULATIVE, is_monotonic=True)
        case "gauge":
            data = sdk.Gauge(list(_sums(family, name, {}, now)))
        case "histogram":
            data = sdk.Histogram(list(_histograms(family, began, now)), _CUMULATIVE)
        case _:
            return None  # we declare no others
    if not data.data_points:
        return None
    return sdk.Metric(name, family.documentation, _unit(name), data)


def _sums(family: Metric, name: str, began: dict[Labels, int], now: int) -> Iterator[sdk.NumberDataPoint]:
    for sample in family.samples:
        if sample.name == name:
            start = began.get(_labels(sample), _STARTED)
            yield sdk.NumberDataPoint(dict(sample.labels), start, now, sample.value)


def _histograms(family: Metric, began: dict[Labels, int], now: int) -> Iterator[sdk.HistogramDataPoint]:
    """Buckets count what is in them alone, and the last has no bound: so OTLP wants it."""
    bounds: dict[Labels, list[float]] = {}
    counts: dict[Labels, list[int]] = {}
    sums: dict[Labels, float] = {}
    for sample in family.samples:
        labels = _labels(sample)
        if sample.name == f"{family.name}_bucket":
            bounds.setdefault(labels, []).append(float(sample.labels["le"]))
            counts.setdefault(labels, []).append(int(sample.value))
        elif sample.name == f"{family.name}_sum":
            sums[labels] = sample.value
    for labels, upto in counts.items():
        yield sdk.HistogramDataPoint(
            attributes=dict(labels),
            start_time_unix_nano=began.get(labels, _STARTED),
            time_unix_nano=now,
            count=upto[-1],
            sum=sums.get(labels, 0.0),
            bucket_counts=[here - before for before, here in zip([0, *upto], upto, strict=False)],
            explicit_bounds=bounds[labels][:-1],
            min=None,  # type: ignore[arg-type]  # optional on the wire, and nobody knows it
            max=None,  # type: ignore[arg-type]
        )


def _labels(sample: Sample) -> Labels:
    return tuple((name, value) for name, value in sample.labels.items() if name != "le")


def _unit(name: str) -> str:
    return next((unit for word, unit in _UNITS.items() if word in name.split("_")), "")
