"""Metrics: one registry of our own, and the declarations of everything that Airlock counts now.

Labels hold names from registrations and statuses, never ids: every combination lives for ever. Names from
registrations go through the guard of `cardinality`, whoever sets the label.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import prometheus_client
from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from . import names
from .cardinality import Series

REGISTRY = CollectorRegistry(auto_describe=True)
CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
SHORT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400, 259_200, 604_800)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
BYTES = tuple(2**power for power in range(24, 35))
"""16 MiB to 16 GiB."""

ProcessCollector(registry=REGISTRY)


class _Bounded:
    """A metric whose labels are held to a number of names."""

    def __init__(self, name: str, documentation: str, labelnames: Sequence[str] = (), **more: Any) -> None:
        super().__init__(name, documentation, labelnames, **more)  # type: ignore[call-arg]  # beside a metric
        self._labels = tuple(labelnames)
        self._series = Series(self._labels)
        self._found: dict[tuple[object, ...], Self] = {}

    def labels(self, *values: object, **named: object) -> Self:
        """The series of these labels, or of `other`. Raises ValueError for other labels than declared."""
        if (known := self._found.get(values)) is not None and not named:
            return known  # as nearly always, many times a step
        given = named or dict(zip(self._labels, values, strict=True))
        if given.keys() != set(self._labels):
            raise ValueError(f"{sorted(given)} are not the labels {sorted(self._labels)}")
        asked = tuple(given[label] for label in self._labels)
        if (found := self._found.get(asked)) is not None:
            return found
        shown = self._series.shown(given)
        series: Self = super().labels(**shown)  # type: ignore[misc]  # as above
        if shown == given:  # what is shown as `other` has no end
            self._found[asked] = series
        return series

    def remove(self, *values: object) -> None:
        """Show these labels no more."""
        self._found.pop(values, None)
        super().remove(*values)  # type: ignore[misc]  # as above


class Counter(_Bounded, prometheus_client.Counter):
    """Something that only grows."""


class Gauge(_Bounded, prometheus_client.Gauge):
    """Something that goes up and down.

    Until somebody gives it a value it shows none: a host does not say that no approval waits.
    """

    _is_given = False

    def set(self, value: float) -> None:
        """Give it this value."""
        self._is_given = True
        super().set(value)

    def inc(self, amount: float = 1) -> None:
        """Make it larger."""
        self._is_given = True
        super().inc(amount)

    def dec(self, amount: float = 1) -> None:
        """Make it smaller."""
        self._is_given = True
        super().dec(amount)

    def collect(self) -> Iterable[Metric]:
        """What is shown of it."""
        for metric in super().collect():
            if not self._is_given and not self._labels:
                metric.samples = []
            yield metric


class Histogram(_Bounded, prometheus_client.Histogram):
    """How often something was how large."""


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """Something that only grows. Shown as `<name>_total`."""
    return Counter(name, text, labels, registry=REGISTRY)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """Something that goes up and down."""
    return Gauge(name, text, labels, registry=REGISTRY)


def histogram(
    name: str, text: str, labels: Sequence[str] = (), *, buckets: Sequence[float] = SECONDS
) -> Histogram:
    """How often something was how large."""
    return Histogram(name, text, labels, registry=REGISTRY, buckets=buckets)


def render_metrics() -> bytes:
    """All metrics in Prometheus' text format; its type is `CONTENT_TYPE`.

    Reads files of /proc for the process's own metrics: call it in a thread.
    """
    return generate_latest(REGISTRY)


workflow_runs_total = counter(
    names.WORKFLOW_RUNS, "Runs that ended or began, by status and trigger", ("workflow", "status", "trigger")
)
workflow_duration_seconds = histogram(
    names.WORKFLOW_DURATION, "From a run's start to its end", ("workflow", "status")
)
workflow_working_seconds = histogram(
    names.WORKFLOW_WORKING,
    "The same without the time in which it only waited for people",
    ("workflow", "status"),
)
workflows_active = gauge(names.WORKFLOWS_ACTIVE, "Runs that have not ended", ("status",))
workflow_approval_wait_seconds = histogram(
    names.WORKFLOW_APPROVAL_WAIT,
    "From a request for approval to its end",
    ("workflow", "status"),
    buckets=LONG_SECONDS,
)
workflow_resumption_seconds = histogram(
    names.WORKFLOW_RESUMPTION, "From an approval to the start of what it let through", ("workflow",)
)
workflow_container_seconds_total = counter(
    names.WORKFLOW_CONTAINER_SECONDS, "Time that sandboxes were there for attempts", ("workflow", "tag")
)
workflow_cpu_seconds_total = counter(
    names.WORKFLOW_CPU_SECONDS, "Processor time of sandboxes", ("workflow", "tag")
)
approvals_pending = gauge(names.APPROVALS_PENDING, "Approvals that wait for a decision")
approvals_oldest_seconds = gauge(names.APPROVALS_OLDEST, "Age of the oldest of them; 0 for none")
agent_runs_total = counter(names.AGENT_RUNS, "Attempts that ended", ("agent", "action", "status"))
agent_duration_seconds = histogram(
    names.AGENT_DURATION, "How long an agent ran in an attempt", ("agent", "action")
)
attempt_wait_seconds = histogram(
    names.ATTEMPT_WAIT, "From an attempt's dispatch until a host set out to start its sandbox", ("pool",)
)
agent_errors_total = counter(names.AGENT_ERRORS, "Attempts that failed", ("agent", "kind", "code"))
agent_retries_total = counter(names.AGENT_RETRIES, "Attempts dispatched after one that ended", ("agent",))
agent_container_seconds_total = counter(
    names.AGENT_CONTAINER_SECONDS, "Time that sandboxes were there for attempts", ("agent",)
)
sandbox_cpu_seconds_total = counter(names.SANDBOX_CPU_SECONDS, "Processor time of sandboxes", ("agent",))
sandbox_peak_memory_bytes = histogram(
    names.SANDBOX_PEAK_MEMORY, "The most memory that a sandbox had", ("agent",), buckets=BYTES
)
attempts_total = counter(names.ATTEMPTS, "Attempts by what became of them", ("status",))
sandbox_start_seconds = histogram(
    names.SANDBOX_START,
    "From create to ready; warm comes from the shelf",
    ("temperature",),
    buckets=SHORT_SECONDS,
)
queue_depth = gauge(names.QUEUE_DEPTH, "Invocations that no host has claimed or answered", ("pool",))
queue_oldest_seconds = gauge(names.QUEUE_OLDEST, "Age of the oldest of them; 0 for none", ("pool",))
outbox_lag_seconds = gauge(
    names.OUTBOX_LAG, "How overdue the oldest attempt is that should be published again; 0 for none"
)
hosts = gauge(names.HOSTS, "Hosts by what they say of themselves: up, draining, gone", ("pool", "status"))
slots = gauge(names.SLOTS, "Slots of the hosts that are up: free, busy", ("pool", "state"))
wakeup_certificate_violations = gauge(
    names.WAKEUP_CERTIFICATE_VIOLATIONS, "Nodes that nothing would ever wake; always 0"
)
commits_total = counter(names.COMMITS, "Transactions of the door")
commit_seconds = histogram(
    names.COMMIT_DURATION, "One of them, from asking to knowing", buckets=SHORT_SECONDS
)
signals_per_commit = histogram(names.SIGNALS_PER_COMMIT, "Signals that shared a transaction", buckets=SIZES)
http_requests_total = counter(names.HTTP_REQUESTS, "Requests answered", ("route", "method", "status"))
http_request_duration_seconds = histogram(
    names.HTTP_DURATION, "Until an answer began", ("route", "method"), buckets=SHORT_SECONDS
)
rate_limited_total = counter(names.RATE_LIMITED, "Requests beyond their limit", ("class",))
dead_letters_total = counter(names.DEAD_LETTERS, "Messages that could never be handled", ("stream",))
dead_letters_waiting = gauge(names.DEAD_LETTERS_WAITING, "Dead letters that nobody has removed")
database_connections = gauge(names.DATABASE_CONNECTIONS, "Connections to Postgres", ("pool", "state"))
database_size_bytes = gauge(names.DATABASE_SIZE, "What the database takes on disk")
database_up = gauge(names.DATABASE_UP, "Whether Postgres answered when it was last asked")
nats_up = gauge(names.NATS_UP, "Whether this process is connected to NATS")
leases_lost_total = counter(names.LEASES_LOST, "Leases that lapsed")
agent_log_lines_total = counter(names.AGENT_LOG_LINES, "Lines that agents said", ("outcome",))
event_loop_lag_seconds = histogram(
    names.EVENT_LOOP_LAG, "How late the event loop ran a timer", buckets=SHORT_SECONDS
)
circuit_breaker_state = gauge(
    names.CIRCUIT_BREAKER_STATE, "0 closed, 1 half open, 2 open: left alone for a while", ("breaker",)
)
telemetry_dropped_total = counter(
    names.TELEMETRY_DROPPED, "Spans, log lines and exports of metrics that were not sent", ("signal",)
)
airlock_info = gauge(names.AIRLOCK_INFO, "Always 1; its labels say what runs", ("service", "version"))
sandbox_slot_wait_seconds = histogram(
    names.SLOT_WAIT, "From an invocation's arrival on its host to the start of its sandbox"
)
sandboxes_open = gauge(names.SANDBOXES_OPEN, "Sandboxes that are there now, those that close included")
sandbox_errors_total = counter(names.SANDBOX_ERRORS, "Attempts that failed by their sandbox", ("code",))
host_slots = gauge(names.HOST_SLOTS, "Attempts that this host runs at once, at most")
host_slots_busy = gauge(names.HOST_SLOTS_BUSY, "Attempts that it runs now")
host_memory_bytes = gauge(names.HOST_MEMORY, "What sandboxes may have together: used, free", ("state",))
reports_waiting = gauge(names.REPORTS_WAITING, "Reports that nobody has called settled yet")
disk_free_bytes = gauge(names.DISK_FREE, "What is free on the disk of a folder", ("folder",))
disk_size_bytes = gauge(names.DISK_SIZE, "How large that disk is", ("folder",))
docker_up = gauge(names.DOCKER_UP, "Whether the Docker Engine answered when it was last asked")
