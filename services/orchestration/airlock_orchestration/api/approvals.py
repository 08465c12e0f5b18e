"""/api/approvals: what waits at gates, and people's decisions. A GET never decides."""

from typing import Annotated
from uuid import UUID

from airlock_contracts.statuses import ApprovalStatus
from airlock_contracts.views import ApprovalView, DecisionRequest, Page
from fastapi import APIRouter, Query, Request

from ..errors import (
    ApprovalUnknown,
    DecisionByRequester,
    DecisionMade,
    DecisionStale,
    DecisionTooLate,
    DecisionWithdrawn,
    InvalidDocument,
)
from .answers import described, leading_to, refusals
from .auth import Asking
from .dependencies import Deps
from .documents import read_model, takes
from .paging import After, Few, page_of

decisions = APIRouter(prefix="/api/approvals", tags=["approvals"])
reads = APIRouter(prefix="/api/approvals", tags=["approvals"])


@decisions.post(
    "/{approval}/decision",
    openapi_extra=takes(DecisionRequest),
    responses=refusals(
        InvalidDocument,
        ApprovalUnknown,
        DecisionStale,
        DecisionMade,
        DecisionTooLate,
        DecisionWithdrawn,
        DecisionByRequester,
    ),
)
async def decide_approval(approval: UUID, request: Request, deps: Deps, asking: Asking) -> ApprovalView:
    """Approve or reject, naming the hash of what was shown.

    404 unknown; 412 another hash; 409 decided before (with that decision), expired, or withdrawn.
    """
    return await deps.approvals.decide(asking, approval, await read_model(request, DecisionRequest))


@reads.get(
    "",
    responses={
        200: {
            **described("A page of approvals."),
            **leading_to(
                "decide_approval",
                approval="$response.body#/items/0/id",
                body={
                    "decision": "APPROVED",
                    "payload_sha256": "$response.body#/items/0/payload_sha256",
                    "notes": "looked at",
                },
            ),
        }
    },
)
async def list_approvals(
    deps: Deps,
    asking: Asking,
    cursor: After,
    limit: Few = 20,
    status: ApprovalStatus | None = None,
    run: Annotated[UUID | None, Query(description="Only of this run.")] = None,
) -> Page[ApprovalView]:
    """Approvals, those asked last first."""
    return page_of(await deps.approvals.page(asking, status=status, run=run, cursor=cursor, limit=limit))


@reads.get("/{approval}", responses=refusals(ApprovalUnknown))
async def get_approval(approval: UUID, deps: Deps, asking: Asking) -> ApprovalView:
    """One approval: the input whole, exactly the bytes that will be sent, and the author's preview."""
    return await deps.approvals.get(asking, approval)
