"""Runs as REST shows them: a handful of queries for a whole run or a page, however many nodes there are."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from airlock_contracts.failures import Failure
from airlock_contracts.manifest import Manifest
from airlock_contracts.messages import Usage
from airlock_contracts.statuses import AttemptStatus, NodeStatus, RiskLevel, RunStatus
from airlock_contracts.views import ApprovalView, AttemptView, NodeView, RunSummary, RunView
from airlock_contracts.workflow import NodeSpec, WorkflowSpec
from sqlalchemy import tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .approvals import approvals_of
from .events import find_cancel
from .tables import AgentRow, AttemptRow, NodeRow, RunRow, WorkflowRow, WorkflowVersionRow

Cursor = tuple[datetime, UUID]
_CANCELLED = (RunStatus.CANCELLING, RunStatus.CANCELLED)
_Shown = tuple[RunRow, WorkflowRow, WorkflowVersionRow]


async def page_runs(
    session: AsyncSession,
    project: str,
    *,
    status: RunStatus | None = None,
    workflow: UUID | None = None,
    before: Cursor | None = None,
    limit: int,
) -> list[tuple[RunSummary, Cursor]]:
    """Runs without their nodes, the newest first, each with its place in the list."""
    columns = (
        RunRow.id,
        RunRow.status,
        RunRow.created_at,
        RunRow.created_by,
        RunRow.finished_at,
        RunRow.retry_of,
        RunRow.failure,
        WorkflowRow.name,
        WorkflowVersionRow.number,
    )
    # Not the whole row: a context may have 256 KiB.
    statement: Any = (
        select(*columns)  # type: ignore[call-overload]
        .join(WorkflowVersionRow, col(WorkflowVersionRow.id) == col(RunRow.workflow_version_id))
        .join(WorkflowRow, col(WorkflowRow.id) == col(RunRow.workflow_id))
        .where(RunRow.project == project)
        .order_by(col(RunRow.created_at).desc(), col(RunRow.id).desc())
        .limit(limit)
    )
    if status is not None:
        statement = statement.where(RunRow.status == status)
    if workflow is not None:
        statement = statement.where(RunRow.workflow_id == workflow)
    if before is not None:
        statement = statement.where(tuple_(col(RunRow.created_at), col(RunRow.id)) < before)
    return [
        (
            RunSummary(
                id=str(row.id),
                project=project,
                workflow=row.name,
                workflow_version=row.number,
                status=RunStatus(row.status),
                created_at=row.created_at,
                created_by=row.created_by,
                finished_at=row.finished_at,
                retry_of=None if row.retry_of is None else str(row.retry_of),
                failure=_failure(row.failure),
            ),
            (row.created_at, row.id),
        )
        for row in (await session.exec(statement)).all()
    ]


async def find_run(session: AsyncSession, project: str, run: UUID) -> RunView | None:
    """A run whole: its context, nodes, attempts and approvals."""
    statement = (
        select(RunRow, WorkflowRow, WorkflowVersionRow)
        .join(WorkflowVersionRow, col(WorkflowVersionRow.id) == col(RunRow.workflow_version_id))
        .join(WorkflowRow, col(WorkflowRow.id) == col(RunRow.workflow_id))
        .where(RunRow.project == project, RunRow.id == run)
    )
    found = (await session.exec(statement)).one_or_none()
    if found is None:
        return None
    row, workflow, version = found
    return RunView(
        id=str(row.id),
        project=row.project,
        workflow=workflow.name,
        workflow_version=version.number,
        status=RunStatus(row.status),
        created_at=row.created_at,
        created_by=row.created_by,
        finished_at=row.finished_at,
        retry_of=None if row.retry_of is None else str(row.retry_of),
        failure=_failure(row.failure),
        context=json.loads(row.context),
        context_sha256=row.context_sha256,
        trace_id=None if row.traceparent is None else row.traceparent.split("-")[1],
        cancel=await find_cancel(session, row.id) if row.status in _CANCELLED else None,
        nodes=await _nodes(session, found),
    )


async def _nodes(session: AsyncSession, shown: _Shown) -> list[NodeView]:
    run, _, version = shown
    spec = {node.id: node for node in WorkflowSpec.model_validate(version.spec).nodes}
    agents = await _pinned(session, run.agents)
    attempts = await _attempts(session, run.id)
    approvals = {view.node: view for view in await approvals_of(session, run.project, run.id)}
    statement = select(NodeRow).where(NodeRow.run_id == run.id).order_by(col(NodeRow.position))
    return [
        _node(row, spec[row.node], agents[spec[row.node].agent], attempts[row.node], approvals.get(row.node))
        for row in (await session.exec(statement)).all()
    ]


def _node(
    row: NodeRow,
    spec: NodeSpec,
    agent: Manifest,
    attempts: Sequence[AttemptView],
    approval: ApprovalView | None,
) -> NodeView:
    required = RiskLevel.APPROVAL_REQUIRED
    gated = spec.approval is not None or spec.risk_level is required or agent.risk_of(spec.action) is required
    return NodeView(
        id=row.node,
        status=NodeStatus(row.status),
        agent=f"{agent.name}@{agent.version}",
        action=spec.action,
        risk_level=required if gated else RiskLevel.AUTO,
        depends_on=list(dict.fromkeys(spec.depends_on)),
        started_at=row.started_at,
        finished_at=row.finished_at,
        retry_at=row.retry_at,
        attempts=list(attempts),
        approval=approval,
        failure=_failure(row.failure),
        output_sha256=row.output_sha256,
        reused_from=None if row.reused_from is None else str(row.reused_from),
    )


async def _pinned(session: AsyncSession, pins: Mapping[str, str]) -> dict[str, Manifest]:
    """The manifests of a run's agents, by the reference as a node writes it."""
    ids = [UUID(id_) for id_ in pins.values()]
    rows = (await session.exec(select(AgentRow).where(col(AgentRow.id).in_(ids)))).all()
    manifests = {str(row.id): Manifest.model_validate(row.manifest) for row in rows}
    return {reference: manifests[id_] for reference, id_ in pins.items()}


async def _attempts(session: AsyncSession, run: UUID) -> defaultdict[str, list[AttemptView]]:
    statement = select(AttemptRow).where(AttemptRow.run_id == run).order_by(col(AttemptRow.number))
    attempts: defaultdict[str, list[AttemptView]] = defaultdict(list)
    for row in (await session.exec(statement)).all():
        attempts[row.node].append(
            AttemptView(
                id=f"{row.run_id}/{row.node}/{row.number}",
                number=row.number,
                status=AttemptStatus(row.status),
                host=row.host,
                dispatched_at=row.dispatched_at,
                started_at=row.started_at,
                finished_at=row.finished_at,
                lease_until=row.lease_until,
                redispatch_at=row.redispatch_at,
                failure=_failure(row.failure),
                stderr_tail=row.stderr_tail,
                raw_output=None if row.raw_output is None else row.raw_output.decode("utf-8", "replace"),
                usage=None if row.usage is None else Usage.model_validate(row.usage),
            )
        )
    return attempts


def _failure(value: Mapping[str, Any] | None) -> Failure | None:
    return None if value is None else Failure.model_validate(value)
