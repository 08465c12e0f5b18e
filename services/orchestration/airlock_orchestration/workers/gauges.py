"""What goes up and down: read now and then from Postgres and JetStream."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from airlock_chassis.bus import Layout, NoAnswer, Streams
from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.logs import get_logger
from airlock_chassis.waiting import set_within

from ..errors import StoreUnavailable

GAUGE_SECONDS = 15.0

log = get_logger(__name__)


class Census(Protocol):
    """What is counted in Postgres. Every method raises StoreUnavailable."""

    async def violations(self) -> int: ...
    async def open_runs(self) -> int: ...
    async def pending_approvals(self) -> int: ...
    async def pools(self) -> Sequence[str]: ...


class Gauges:
    """Reads what goes up and down, every 15 s."""

    def __init__(self, census: Census, streams: Streams, layout: Layout) -> None:
        self._census = census
        self._streams = streams
        self._layout = layout

    async def certify(self) -> int:
        """The wake-up certificate: how many nodes have no reason to wake. Raises StoreUnavailable."""
        violations = await self._census.violations()
        metrics.wakeup_certificate_violations.set(violations)
        return violations

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set."""
        while not stop.is_set():
            try:
                metrics.workflows_active.set(await self._census.open_runs())
                metrics.approvals_pending.set(await self._census.pending_approvals())
                for pool, depth in (await self._depths()).items():
                    metrics.queue_depth.labels(pool=pool).set(depth)
            except StoreUnavailable as error:
                log.warning("gauges.postponed", reason=str(error))
            await set_within(stop, GAUGE_SECONDS)

    async def _depths(self) -> Mapping[str, int]:
        depths: dict[str, int] = {}
        for pool in await self._census.pools():
            try:
                depths[pool] = await self._streams.depth(self._layout.pool_consumer(pool))
            except NoAnswer as error:
                log.debug("gauges.no_depth", pool=pool, reason=str(error))
        return depths
