"""What the process counts about runs: at each commit, and now and then from Postgres and JetStream."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from airlock_chassis.bus import Layout, NoAnswer, Streams
from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.logs import get_logger
from airlock_chassis.waiting import set_within
from airlock_contracts.statuses import AttemptStatus

from ..engine.effects import RunFinished, WriteAttempt
from ..errors import StoreUnavailable
from ..operations.entries import Committed

GAUGE_SECONDS = 15.0

log = get_logger(__name__)


class Census(Protocol):
    """What is counted in Postgres. Every method raises StoreUnavailable."""

    async def violations(self) -> int: ...
    async def open_runs(self) -> int: ...
    async def pending_approvals(self) -> int: ...
    async def pools(self) -> Sequence[str]: ...


def count(committed: Sequence[Committed]) -> None:
    """Count what a commit says about runs and attempts. Labels are names of registrations, never ids."""
    for one in committed:
        run = one.step.run
        if one.creation is not None:
            metrics.workflow_runs_total.labels(
                workflow=run.plan.workflow, status="STARTED", trigger=one.creation.trigger_kind
            ).inc()
        for effect in one.step.effects:
            if isinstance(effect, WriteAttempt):
                attempt = effect.attempt
                metrics.attempts_total.labels(status=attempt.status.value).inc()
                if not attempt.status.is_final:
                    continue
                if attempt.status is AttemptStatus.LOST:
                    metrics.leases_lost_total.inc()
                plan = run.plan.nodes[effect.node]
                labels = {"agent": plan.agent.manifest.name, "action": plan.action}
                metrics.agent_runs_total.labels(**labels, status=attempt.status.value).inc()
                if attempt.started_at is not None and attempt.finished_at is not None:
                    ran = (attempt.finished_at - attempt.dispatched_at).total_seconds()
                    metrics.agent_duration_seconds.labels(**labels).observe(max(0.0, ran))
            elif isinstance(effect, RunFinished):
                labels = {"workflow": run.plan.workflow, "status": effect.status.value}
                metrics.workflow_runs_total.labels(**labels, trigger="").inc()
                started = [n.started_at for n in run.nodes.values() if n.started_at is not None]
                if started and run.finished_at is not None:
                    whole = (run.finished_at - min(started)).total_seconds()
                    metrics.workflow_duration_seconds.labels(**labels).observe(max(0.0, whole))


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
