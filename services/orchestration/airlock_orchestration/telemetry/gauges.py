"""What goes up and down: read every 15 s from Postgres, from JetStream and from this process."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from airlock_chassis.bus import Layout, NoAnswer, Streams
from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.logs import get_logger
from airlock_chassis.waiting import set_within
from airlock_contracts.statuses import HostStatus, RunStatus

from ..errors import StoreUnavailable
from ..store.census import Census, PoolHosts
from ..store.database import PoolUse

GAUGE_SECONDS = 15.0
STREAMS_SECONDS = 10.0
"""For all that JetStream is asked."""

log = get_logger(__name__)


class Counter(Protocol):
    """Who counts in Postgres. Every method raises StoreUnavailable."""

    async def violations(self) -> int: ...
    async def census(self) -> Census: ...


class Gauges:
    """Shows figures that are the same for every replica, and those of this one's connections."""

    def __init__(
        self, counter: Counter, connections: Callable[[], Sequence[PoolUse]], streams: Streams, layout: Layout
    ) -> None:
        self._counter = counter
        self._connections = connections
        self._streams = streams
        self._layout = layout
        self._pools: frozenset[str] = frozenset()
        """Shown last time."""

    async def certify(self) -> int:
        """The wake-up certificate: how many nodes have no reason to wake. Raises StoreUnavailable."""
        violations = await self._counter.violations()
        metrics.wakeup_certificate_violations.set(violations)
        return violations

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set."""
        while not stop.is_set():
            await self.read()
            await set_within(stop, GAUGE_SECONDS)

    async def read(self) -> None:
        """Read once. What cannot be asked keeps its last value; `database_up` and `nats_up` say so."""
        for use in self._connections():
            metrics.database_connections.labels(use.pool, "used").set(use.used)
            metrics.database_connections.labels(use.pool, "free").set(max(0, use.size - use.used))
        try:
            census = await self._counter.census()
            metrics.database_up.set(1)
            self._show(census)
        except StoreUnavailable as error:
            metrics.database_up.set(0)
            log.warning("gauges.postponed", reason=str(error))
        await self._read_streams()

    def _show(self, census: Census) -> None:
        for status in RunStatus:
            if not status.is_final:
                metrics.workflows_active.labels(status.value).set(census.runs.get(status, 0))
        metrics.approvals_pending.set(census.approvals)
        metrics.approvals_oldest_seconds.set(census.oldest_approval)
        metrics.outbox_lag_seconds.set(census.outbox_lag)
        metrics.database_size_bytes.set(census.database_bytes)
        pools: dict[str, list[PoolHosts]] = {}
        for some in census.pools:
            pools.setdefault(some.pool, []).append(some)
        for pool, hosts in pools.items():
            _show_hosts(pool, {some.status: some for some in hosts})
        for pool in self._pools - pools.keys():
            _forget(pool)
        self._pools = frozenset(pools)

    async def _read_streams(self) -> None:
        connected = self._streams.bus.connected
        metrics.nats_up.set(connected)
        if not connected:
            return
        try:
            async with asyncio.timeout(STREAMS_SECONDS):
                for pool in sorted(self._pools):
                    await self._read_queue(pool)
                dead = self._layout.subjects.dead_letters_stream
                metrics.dead_letters_waiting.set(await self._streams.size(dead))
        except (NoAnswer, TimeoutError) as error:
            log.warning("gauges.postponed", reason=str(error) or "JetStream did not answer in time")

    async def _read_queue(self, pool: str) -> None:
        try:
            queue = await self._streams.queue(self._layout.pool_consumer(pool))
        except NoAnswer as error:  # nobody has made the consumer yet, or again
            log.debug("gauges.no_depth", pool=pool, reason=str(error))
            return
        age = (datetime.now(UTC) - queue.since).total_seconds() if queue.since else 0.0
        metrics.queue_depth.labels(pool).set(queue.depth)
        metrics.queue_oldest_seconds.labels(pool).set(max(0.0, age))


def _show_hosts(pool: str, hosts: Mapping[HostStatus, PoolHosts]) -> None:
    for status in HostStatus:
        some = hosts.get(status)
        metrics.hosts.labels(pool, status.value.lower()).set(some.hosts if some else 0)
    up = hosts.get(HostStatus.UP)
    metrics.slots.labels(pool, "free").set(up.free if up else 0)
    metrics.slots.labels(pool, "busy").set(up.busy if up else 0)


def _forget(pool: str) -> None:
    """Show a pool no more: its last host was forgotten."""
    for status in HostStatus:
        metrics.hosts.remove(pool, status.value.lower())
    for state in ("free", "busy"):
        metrics.slots.remove(pool, state)
    metrics.queue_depth.remove(pool)
    metrics.queue_oldest_seconds.remove(pool)
