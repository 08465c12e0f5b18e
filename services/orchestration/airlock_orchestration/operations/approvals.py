"""Approvals: a person's answer binds what was shown, hash for hash, once."""

from uuid import UUID

from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.traces import span, traceparent
from airlock_contracts.statuses import ApprovalStatus
from airlock_contracts.views import ApprovalView, DecisionRequest

from ..engine.signals import ApprovalDecided
from ..errors import (
    AirlockError,
    ApprovalUnknown,
    DecisionByRequester,
    DecisionMade,
    DecisionStale,
    DecisionTooLate,
    DecisionWithdrawn,
)
from ..store import approvals as store
from ..store.sessions import Sessions
from .advance import Door
from .pages import Cursor, Slice, slice_of
from .principals import Principal
from .spans import span_of_wait


class Approvals:
    """Shows approvals, and takes decisions through the door."""

    def __init__(self, sessions: Sessions, door: Door, *, requester_may_decide: bool = True) -> None:
        self._sessions = sessions
        self._door = door
        self._requester_may_decide = requester_may_decide

    async def decide(self, principal: Principal, approval: UUID, decision: DecisionRequest) -> ApprovalView:
        """Approve or reject; of several who decide at once, one does.

        Raises ApprovalUnknown, DecisionByRequester, DecisionStale, DecisionMade, DecisionTooLate,
        DecisionWithdrawn, StoreUnavailable.
        """
        view = await self.get(principal, approval)
        if not self._requester_may_decide and view.requested_by == principal.name:
            raise DecisionByRequester(f"{principal.name} started run {view.run}")
        if view.status is not ApprovalStatus.PENDING:
            raise _too_late(view)
        if decision.payload_sha256 != view.payload_sha256:
            raise DecisionStale(
                f"the decision names {decision.payload_sha256}, approval {view.id} covers "
                f"{view.payload_sha256}",
                payload_sha256=view.payload_sha256,
                given=decision.payload_sha256,
                approval=f"/api/approvals/{view.id}",
            )
        signal = ApprovalDecided(
            run=view.run,
            node=view.node,
            approval=view.id,
            verdict=decision.decision,
            principal=principal.name,
            payload_sha256=decision.payload_sha256,
            notes=decision.notes,
        )
        return await self._decide(principal, approval, signal)

    async def _decide(self, principal: Principal, approval: UUID, signal: ApprovalDecided) -> ApprovalView:
        """Send a decision through the door, as a part of its run's trace, which is not the request's."""
        run = await self._door.peek(signal.run)
        with span(
            names.SPAN_DECISION,
            parent=None if run is None else span_of_wait(run, signal.approval),
            attributes={
                names.ATTR_RUN: signal.run,
                names.ATTR_NODE: signal.node,
                names.ATTR_APPROVAL: signal.approval,
                names.ATTR_STATUS: signal.verdict.value,
            },
            links=(traceparent(),),
        ):
            if (await self._door.advance(signal)).stale:
                raise _too_late(await self.get(principal, approval))
        return await self.get(principal, approval)

    async def get(self, principal: Principal, approval: UUID) -> ApprovalView:
        """One approval. Raises ApprovalUnknown."""
        async with self._sessions.reading() as session:
            view = await store.find_approval(session, principal.project, approval)
        if view is None:
            raise ApprovalUnknown(f"no approval has the id {approval}")
        return view

    async def page(
        self,
        principal: Principal,
        *,
        status: ApprovalStatus | None,
        run: UUID | None = None,
        cursor: Cursor[UUID] | None,
        limit: int,
    ) -> Slice[ApprovalView, UUID]:
        """One page of approvals, those asked last first."""
        async with self._sessions.reading() as session:
            rows = await store.page_approvals(
                session, principal.project, status=status, run=run, before=cursor, limit=limit + 1
            )
        return slice_of(rows, limit)


def _too_late(view: ApprovalView) -> AirlockError:
    """Why an approval takes no decision any more; a PENDING one has expired and was not swept yet."""
    match view.status:
        case ApprovalStatus.WITHDRAWN:
            return DecisionWithdrawn(f"approval {view.id} was withdrawn with run {view.run}", run=view.run)
        case ApprovalStatus.EXPIRED | ApprovalStatus.PENDING:
            return DecisionTooLate(
                f"approval {view.id} expired at {view.expires_at:%Y-%m-%dT%H:%M:%SZ}", run=view.run
            )
        case _:
            at = "" if view.decided_at is None else f" at {view.decided_at:%Y-%m-%dT%H:%M:%SZ}"
            notes = f", with the notes: {view.notes}" if view.notes else ", without notes"
            return DecisionMade(
                f"{view.decided_by} {view.status} approval {view.id}{at}{notes}",
                status=view.status,
                decided_by=view.decided_by,
                decided_at=None if view.decided_at is None else view.decided_at.isoformat(),
                notes=view.notes,
            )
