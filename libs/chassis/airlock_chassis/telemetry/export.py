"""Logs and metrics go to the collector too, when one is given. Spans have their own way in `traces`."""

import threading
from collections.abc import Mapping

from . import logs
from .metrics import airlock_info
from .otlp.collector import Collector
from .otlp.figures import MetricsExport
from .otlp.lines import LineQueue
from .traces import shutdown_traces


class _Export:
    """What this process sends; nothing until `configure_export`."""

    lines: LineQueue | None = None
    metrics: MetricsExport | None = None


def configure_export(
    *,
    service: str,
    version: str,
    endpoint: str | None,
    metrics_seconds: float,
    host: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send log lines, and the metrics every so often, to an OTLP/HTTP endpoint; without one, send nothing."""
    airlock_info.labels(service, version).set(1)
    if endpoint is None:
        return
    collector = Collector.at(endpoint, service=service, version=version, host=host, headers=headers)
    _Export.lines = LineQueue(collector)
    _Export.metrics = MetricsExport(collector, every_seconds=metrics_seconds)
    logs.also_to(_Export.lines.put)


def shutdown_telemetry() -> None:
    """Send what waits of all three signals, side by side, for a bounded time. Blocks: call it at the end."""
    lines, metrics = _Export.lines, _Export.metrics
    _Export.lines = _Export.metrics = None
    logs.also_to(None)
    ends = [shutdown_traces, *(part.close for part in (lines, metrics) if part is not None)]
    threads = [threading.Thread(target=end, name="telemetry-end", daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
