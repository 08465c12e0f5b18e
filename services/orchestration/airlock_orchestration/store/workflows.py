"""Workflows and their versions: immutable specifications under a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from airlock_contracts.views import WorkflowView
from airlock_contracts.workflow import WorkflowSpec
from sqlalchemy import func, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .tables import WorkflowRow, WorkflowVersionRow

Pair = tuple[WorkflowRow, WorkflowVersionRow]


@dataclass(frozen=True, slots=True)
class WorkflowIds:
    """Ids for the rows that applying a workflow may write."""

    workflow: UUID
    version: UUID


async def save_workflow(
    session: AsyncSession,
    ids: WorkflowIds,
    spec: WorkflowSpec,
    *,
    project: str,
    spec_sha256: str,
    by: str,
) -> tuple[Pair, WorkflowVersionRow | None]:
    """Make the specification the newest version of its workflow.

    Answers it, and what was the newest before: the same where its content is the same. Two that come at once
    are one after the other: the workflow's row is locked.
    """
    name = insert(WorkflowRow).values(
        id=ids.workflow, project=project, name=spec.name, created_at=func.clock_timestamp()
    )
    await session.exec(name.on_conflict_do_nothing(index_elements=["project", "name"]))
    mine = select(WorkflowRow).where(WorkflowRow.project == project, WorkflowRow.name == spec.name)
    workflow = (await session.exec(mine.with_for_update())).one()
    newest = await _newest(session, workflow.id)
    if newest is not None and newest.spec_sha256 == spec_sha256:
        return (workflow, newest), newest
    await session.exec(
        insert(WorkflowVersionRow).values(
            id=ids.version,
            workflow_id=workflow.id,
            number=1 if newest is None else newest.number + 1,
            spec=spec.model_dump(mode="json"),
            spec_sha256=spec_sha256,
            created_at=func.clock_timestamp(),
            created_by=by,
        )
    )
    return (workflow, await session.get_one(WorkflowVersionRow, ids.version)), newest


async def find_workflow(
    session: AsyncSession, project: str, workflow: str | UUID, number: int | None = None
) -> Pair | None:
    """One version of a workflow by the workflow's id or name, the newest unless it is numbered."""
    which = WorkflowRow.id == workflow if isinstance(workflow, UUID) else WorkflowRow.name == workflow
    statement = (
        select(WorkflowRow, WorkflowVersionRow)
        .join(WorkflowVersionRow, col(WorkflowVersionRow.workflow_id) == col(WorkflowRow.id))
        .where(WorkflowRow.project == project, which)
    )
    if number is not None:
        statement = statement.where(WorkflowVersionRow.number == number)
    return (await session.exec(statement.order_by(col(WorkflowVersionRow.number).desc()).limit(1))).first()


async def known_workflows(session: AsyncSession, project: str, limit: int = 200) -> list[str]:
    """The names of the workflows that there are, sorted."""
    statement = select(WorkflowRow.name).where(WorkflowRow.project == project)
    return list(await session.exec(statement.order_by(col(WorkflowRow.name)).limit(limit)))


async def page_workflows(
    session: AsyncSession, project: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Pair]:
    """Workflows in their newest versions, those made last first."""
    newest = (
        select(func.max(WorkflowVersionRow.number))
        .where(col(WorkflowVersionRow.workflow_id) == col(WorkflowRow.id))
        .correlate(WorkflowRow)
        .scalar_subquery()
    )
    statement = (
        select(WorkflowRow, WorkflowVersionRow)
        .join(WorkflowVersionRow, col(WorkflowVersionRow.workflow_id) == col(WorkflowRow.id))
        .where(WorkflowRow.project == project, col(WorkflowVersionRow.number) == newest)
    )
    if before is not None:
        statement = statement.where(tuple_(col(WorkflowRow.created_at), col(WorkflowRow.id)) < before)
    order = (col(WorkflowRow.created_at).desc(), col(WorkflowRow.id).desc())
    return (await session.exec(statement.order_by(*order).limit(limit))).all()


async def page_versions(
    session: AsyncSession, project: str, workflow: UUID, *, before: int | None, limit: int
) -> Sequence[Pair]:
    """The versions of one workflow, newest first; `before` is a number."""
    statement = (
        select(WorkflowRow, WorkflowVersionRow)
        .join(WorkflowVersionRow, col(WorkflowVersionRow.workflow_id) == col(WorkflowRow.id))
        .where(WorkflowRow.project == project, WorkflowRow.id == workflow)
    )
    if before is not None:
        statement = statement.where(WorkflowVersionRow.number < before)
    return (await session.exec(statement.order_by(col(WorkflowVersionRow.number).desc()).limit(limit))).all()


def to_spec(version: WorkflowVersionRow) -> WorkflowSpec:
    """The specification as the contract."""
    return WorkflowSpec.model_validate(version.spec)


def to_view(pair: Pair) -> WorkflowView:
    """The rows as REST shows them."""
    workflow, version = pair
    return WorkflowView(
        id=str(workflow.id),
        project=workflow.project,
        name=workflow.name,
        version=version.number,
        spec=to_spec(version),
        spec_sha256=version.spec_sha256,
        created_at=version.created_at,
        created_by=version.created_by,
    )


async def _newest(session: AsyncSession, workflow: UUID) -> WorkflowVersionRow | None:
    statement: Any = select(WorkflowVersionRow).where(WorkflowVersionRow.workflow_id == workflow)
    statement = statement.order_by(col(WorkflowVersionRow.number).desc()).limit(1)
    row: WorkflowVersionRow | None = (await session.exec(statement)).first()
    return row
