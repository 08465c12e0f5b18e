"""What a retry copies from a run that ended."""

from dataclasses import dataclass
from uuid import UUID

from airlock_contracts.statuses import NodeStatus, RunStatus
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .tables import NodeRow, OutputRow, RunRow

MAX_COPIED_BYTES = 64 * 1024 * 1024
"""Of outputs that a retry copies: they go through the door in one statement."""


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run as its retry needs it."""

    id: UUID
    status: RunStatus
    workflow_id: UUID
    workflow_version_id: UUID
    agents: dict[str, str]
    context: bytes
    outputs: dict[str, bytes]
    """Of the nodes that succeeded, in topological order; none where they are more than MAX_COPIED_BYTES."""
    output_bytes: int
    """Of all of them."""
    traceparent: str | None


async def load_ended(session: AsyncSession, project: str, run: UUID) -> EndedRun | None:
    """Read a run for its retry; outputs only if it is FAILED or CANCELLED."""
    row = (await session.exec(select(RunRow).where(RunRow.id == run, RunRow.project == project))).first()
    if row is None:
        return None
    status = RunStatus(row.status)
    output_bytes = await copied_bytes(session, run)
    outputs: dict[str, bytes] = {}
    if status in (RunStatus.FAILED, RunStatus.CANCELLED) and output_bytes <= MAX_COPIED_BYTES:
        statement = (
            select(NodeRow.node, OutputRow.output)
            .join(
                OutputRow,
                (col(OutputRow.run_id) == col(NodeRow.run_id)) & (col(OutputRow.node) == col(NodeRow.node)),
            )
            .where(NodeRow.run_id == run, NodeRow.status == NodeStatus.SUCCESS)
            .order_by(col(NodeRow.position))
        )
        outputs = dict((await session.exec(statement)).all())
    return EndedRun(
        id=row.id,
        status=status,
        workflow_id=row.workflow_id,
        workflow_version_id=row.workflow_version_id,
        agents=row.agents,
        context=row.context,
        outputs=outputs,
        output_bytes=output_bytes,
        traceparent=row.traceparent,
    )


async def copied_bytes(session: AsyncSession, run: UUID) -> int:
    """How many bytes of outputs a retry of the run copies."""
    total = select(func.coalesce(func.sum(func.octet_length(OutputRow.output)), 0))
    return int((await session.exec(total.where(OutputRow.run_id == run))).one())
