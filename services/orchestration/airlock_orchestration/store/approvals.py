"""Approvals as REST shows them, each with its input: whole, as the bytes that will be sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from airlock_contracts.statuses import ApprovalStatus, OnExpiry
from airlock_contracts.views import ApprovalView
from airlock_contracts.workflow import WorkflowSpec
from sqlalchemy import tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .tables import AgentRow, ApprovalRow, InputRow, RunRow, WorkflowRow, WorkflowVersionRow

Cursor = tuple[datetime, UUID]


async def find_approval(session: AsyncSession, project: str, approval: UUID) -> ApprovalView | None:
    """One approval by its id."""
    views = await _views(session, _shown(project).where(ApprovalRow.id == approval))
    return views[0] if views else None


async def approvals_of(session: AsyncSession, project: str, run: UUID) -> Sequence[ApprovalView]:
    """The approvals of a run, one for each node that asked."""
    return await _views(session, _shown(project).where(ApprovalRow.run_id == run))


async def page_approvals(
    session: AsyncSession,
    project: str,
    *,
    status: ApprovalStatus | None = None,
    run: UUID | None = None,
    before: Cursor | None = None,
    limit: int,
) -> list[tuple[ApprovalView, Cursor]]:
    """Approvals, those asked last first, each with its place in the list."""
    statement = _shown(project)
    if status is not None:
        statement = statement.where(ApprovalRow.status == status)
    if run is not None:
        statement = statement.where(ApprovalRow.run_id == run)
    if before is not None:
        statement = statement.where(tuple_(col(ApprovalRow.requested_at), col(ApprovalRow.id)) < before)
    order = (col(ApprovalRow.requested_at).desc(), col(ApprovalRow.id).desc())
    views = await _views(session, statement.order_by(*order).limit(limit))
    return [(view, (view.requested_at, UUID(view.id))) for view in views]


def _shown(project: str) -> Any:
    statement: Any = select(  # type: ignore[call-overload]
        ApprovalRow,
        InputRow.input,
        RunRow.created_by,
        RunRow.agents,
        WorkflowRow.name,
        WorkflowVersionRow.id.label("version_id"),  # type: ignore[attr-defined]
    )
    return (
        statement.join(RunRow, col(RunRow.id) == col(ApprovalRow.run_id))
        .join(
            InputRow,
            (col(InputRow.run_id) == col(ApprovalRow.run_id)) & (col(InputRow.node) == col(ApprovalRow.node)),
        )
        .join(WorkflowVersionRow, col(WorkflowVersionRow.id) == col(RunRow.workflow_version_id))
        .join(WorkflowRow, col(WorkflowRow.id) == col(RunRow.workflow_id))
        .where(ApprovalRow.project == project)
    )


async def _views(session: AsyncSession, statement: Any) -> list[ApprovalView]:
    rows = (await session.exec(statement)).all()
    specs = await _specs(session, {row.version_id for row in rows})
    actions = {
        id_: {node.id: (node.agent, node.action) for node in spec.nodes} for id_, spec in specs.items()
    }
    pinned = {UUID(id_) for row in rows for id_ in row.agents.values()}
    names = await _names(session, pinned)
    views: list[ApprovalView] = []
    for row in rows:
        approval: ApprovalRow = row[0]
        reference, action = actions[row.version_id][approval.node]
        views.append(
            ApprovalView(
                id=str(approval.id),
                project=approval.project,
                run=str(approval.run_id),
                workflow=row.name,
                node=approval.node,
                status=ApprovalStatus(approval.status),
                agent=names[UUID(row.agents[reference])],
                action=action,
                payload_sha256=approval.payload_sha256,
                input=row.input.decode(),
                preview=approval.preview,
                on_expiry=OnExpiry(approval.on_expiry),
                requested_at=approval.requested_at,
                requested_by=row.created_by,
                expires_at=approval.expires_at,
                decided_at=approval.decided_at,
                decided_by=approval.decided_by,
                notes=approval.notes or None,
            )
        )
    return views


async def _specs(session: AsyncSession, versions: set[UUID]) -> dict[UUID, WorkflowSpec]:
    statement = select(WorkflowVersionRow).where(col(WorkflowVersionRow.id).in_(versions))
    rows = (await session.exec(statement)).all()
    return {row.id: WorkflowSpec.model_validate(row.spec) for row in rows}


async def _names(session: AsyncSession, agents: set[UUID]) -> dict[UUID, str]:
    """`name@version` by the agent version's id."""
    statement = select(AgentRow.id, AgentRow.name, AgentRow.version).where(col(AgentRow.id).in_(agents))
    return {id_: f"{name}@{version}" for id_, name, version in (await session.exec(statement)).all()}
