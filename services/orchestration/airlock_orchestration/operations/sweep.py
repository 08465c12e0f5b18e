"""Due times turned into signals: redispatch, lapsed leases, deadlines, retries, expired approvals."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol, assert_never

import structlog

from ..engine.signals import (
    ApprovalExpired,
    DeadlineReached,
    LeaseExpired,
    NodeSignal,
    RedispatchDue,
    RetryDue,
)
from ..errors import StoreUnavailable
from ..store.due import Due, DueKind
from .advance import Door

OUTAGE_SECONDS = 10.0
"""A gap between sweeps as long as this was our own outage: hosts could not renew their leases."""

log = structlog.get_logger(__name__)


class DueStore(Protocol):
    """What a sweep asks of Postgres. Every method raises StoreUnavailable."""

    async def due(self) -> Sequence[Due]: ...
    async def extend_all_live(self) -> int: ...


class Sweep:
    """Looks for what is due and sends the signals. Holds no locks; every replica may sweep."""

    def __init__(self, door: Door, store: DueStore) -> None:
        self._door = door
        self._store = store
        self._swept_at: float | None = None

    async def once(self) -> int:
        """Signal everything that is due; answer how many were not stale. Raises StoreUnavailable."""
        started = time.monotonic()
        if self._swept_at is None or started - self._swept_at > OUTAGE_SECONDS:
            extended = await self._store.extend_all_live()
            log.info("sweep.leases_extended", attempts=extended, first=self._swept_at is None)
        signals = [_signal(due) for due in await self._store.due()]
        outcomes = await asyncio.gather(
            *(self._door.advance(signal) for signal in signals), return_exceptions=True
        )
        self._swept_at = started
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, StoreUnavailable):
                raise outcome
        return sum(1 for outcome in outcomes if not isinstance(outcome, BaseException) and not outcome.stale)


def _signal(due: Due) -> NodeSignal:
    match due.kind:
        case DueKind.REDISPATCH:
            return RedispatchDue(due.run, due.node, due.number)
        case DueKind.LEASE:
            assert due.lease_until is not None
            return LeaseExpired(due.run, due.node, due.number, due.lease_until)
        case DueKind.DEADLINE:
            return DeadlineReached(due.run, due.node, due.number)
        case DueKind.RETRY:
            return RetryDue(due.run, due.node, due.number)
        case DueKind.APPROVAL:
            assert due.approval is not None
            return ApprovalExpired(due.run, due.node, due.approval)
        case _:
            assert_never(due.kind)
