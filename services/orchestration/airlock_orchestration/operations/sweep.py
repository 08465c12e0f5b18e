"""Due times turned into signals: redispatch, lapsed leases, deadlines, retries, expired approvals."""

import asyncio
from collections.abc import Callable, Sequence
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
"""A gap as long as this between the sweeps of all replicas was our own outage: nobody could renew a lease."""
_NEEDS_HOSTS = frozenset({DueKind.REDISPATCH, DueKind.LEASE})

log = structlog.get_logger(__name__)


class DueStore(Protocol):
    """What a sweep asks of Postgres. Every method raises StoreUnavailable."""

    async def due(self) -> Sequence[Due]: ...
    async def note_sweep(self, gap_seconds: float) -> bool: ...
    async def extend_all_live(self) -> int: ...


class Sweep:
    """Looks for what is due and sends the signals. Holds no locks; every replica may sweep.

    While this replica is `cut_off` from the hosts it calls nobody lost and sends nothing again, and its
    sweeps do not count: to hosts that is an outage of ours like any other.
    """

    def __init__(self, door: Door, store: DueStore, cut_off: Callable[[], bool] = lambda: False) -> None:
        self._door = door
        self._store = store
        self._cut_off = cut_off

    async def once(self) -> int:
        """Signal everything that is due; answer how many were not stale. Raises StoreUnavailable."""
        alone = self._cut_off()
        if not alone and not await self._store.note_sweep(OUTAGE_SECONDS):
            log.info("sweep.leases_extended", attempts=await self._store.extend_all_live())
        found = [due for due in await self._store.due() if not (alone and due.kind in _NEEDS_HOSTS)]
        signals = [_signal(due) for due in found]
        outcomes = await asyncio.gather(
            *(self._door.advance(signal) for signal in signals), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, StoreUnavailable):
                raise outcome
        return sum(1 for outcome in outcomes if not isinstance(outcome, BaseException) and not outcome.stale)


def _signal(due: Due) -> NodeSignal:
    match due.kind:
        case DueKind.REDISPATCH:
            return RedispatchDue(due.run, due.node, due.number)
        case DueKind.LEASE:
            return LeaseExpired(due.run, due.node, due.number)
        case DueKind.DEADLINE:
            return DeadlineReached(due.run, due.node, due.number)
        case DueKind.RETRY:
            return RetryDue(due.run, due.node, due.number)
        case DueKind.APPROVAL:
            assert due.approval is not None
            return ApprovalExpired(due.run, due.node, due.approval)
        case _:
            assert_never(due.kind)
