"""What goes up and down: read every 15 s from Postgres, from JetStream and from this process."""

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from airlock_chassis.bus import BusError, Layout, Streams
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
QUEUES_AT_ONCE = 8
"""Asked about side by side: one that is slow holds up few others."""
SIZE_SECONDS = 300.0
"""Between looks at the database's size on disk."""

log = get_logger(__name__)


class Counter(Protocol):
    """Who counts in Postgres. Every method but `is_alive` raises StoreUnavailable."""

    async def is_alive(self) -> bool: ...
    async def violations(self) -> int: ...
    async def census(self) -> Census: ...
    async def database_bytes(self) -> int: ...


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
        self._sized_at = -math.inf

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
        async with asyncio.TaskGroup() as group:
            alive = group.create_task(self._counter.is_alive())
            counted = group.create_task(self._read_census())
        # Either answers for Postgres: the one may wait for a busy connection, the other for a large table.
        metrics.database_up.set(counted.result() or alive.result())
        await self._read_streams()

    async def _read_census(self) -> bool:
        now = asyncio.get_running_loop().time()
        try:
            self._show(await self._counter.census())
            if now - self._sized_at >= SIZE_SECONDS:
                metrics.database_size_bytes.set(await self._counter.database_bytes())
                self._sized_at = now
        except StoreUnavailable as error:
            log.warning("gauges.postponed", reason=str(error))
            return False
        return True

    def _show(self, census: Census) -> None:
        for status in RunStatus:
            if not status.is_final:
                metrics.workflows_active.labels(status.value).set(census.runs.get(status, 0))
        metrics.approvals_pending.set(census.approvals)
        metrics.approvals_oldest_seconds.set(census.oldest_approval)
        metrics.outbox_lag_seconds.set(census.outbox_lag)
        pools: dict[str, list[PoolHosts]] = {pool: [] for pool in census.named_pools}
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
        with _postponed():
            async with asyncio.timeout(STREAMS_SECONDS):
                with _postponed():
                    dead = self._layout.subjects.dead_letters_stream
                    metrics.dead_letters_waiting.set(await self._streams.size(dead))
                room = asyncio.Semaphore(QUEUES_AT_ONCE)
                async with asyncio.TaskGroup() as group:
                    for pool in sorted(self._pools):
                        group.create_task(self._read_queue(pool, room))

    async def _read_queue(self, pool: str, room: asyncio.Semaphore) -> None:
        async with room:
            with _postponed(pool=pool):
                queue = await self._streams.queue(self._layout.pool_consumer(pool))
                age = (datetime.now(UTC) - queue.since).total_seconds() if queue.since else 0.0
                metrics.queue_depth.labels(pool).set(queue.depth)
                metrics.queue_oldest_seconds.labels(pool).set(max(0.0, age))


@contextmanager
def _postponed(**about: str) -> Iterator[None]:
    """What JetStream does not tell now keeps its last value."""
    try:
        yield
    except (BusError, TimeoutError) as error:
        log.warning("gauges.postponed", reason=str(error) or "JetStream did not answer in time", **about)


def _show_hosts(pool: str, hosts: Mapping[HostStatus, PoolHosts]) -> None:
    for status in HostStatus:
        some = hosts.get(status)
        metrics.hosts.labels(pool, status.value.lower()).set(some.hosts if some else 0)
    up = hosts.get(HostStatus.UP)
    metrics.slots.labels(pool, "free").set(up.free if up else 0)
    metrics.slots.labels(pool, "busy").set(up.busy if up else 0)


def _forget(pool: str) -> None:
    """Show a pool no more: its last host was forgotten, and no agent needs it."""
    for status in HostStatus:
        metrics.hosts.remove(pool, status.value.lower())
    for state in ("free", "busy"):
        metrics.slots.remove(pool, state)
    metrics.queue_depth.remove(pool)
    metrics.queue_oldest_seconds.remove(pool)
