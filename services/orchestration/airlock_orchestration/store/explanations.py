"""What there is to know of why a run stands where it stands: one snapshot."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from airlock_contracts.failures import Failure
from airlock_contracts.manifest import Manifest
from airlock_contracts.statuses import Effects, NodeStatus, RunStatus
from airlock_contracts.workflow import NodeSpec, WorkflowSpec
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from airlock_orchestration.engine.explain import EndedNode, RunFacts
from airlock_orchestration.engine.waiting import HostFacts, Work

from . import certificate
from .events import find_cancel
from .hosts import list_hosts
from .retries import MAX_COPIED_BYTES, copied_bytes
from .tables import AgentRow, AttemptRow, NodeRow, RunRow, WorkflowRow, WorkflowVersionRow


async def load_facts(session: AsyncSession, project: str, run: UUID) -> RunFacts | None:
    """Gather what `explain` decides over; the open nodes as the wake-up certificate sees them."""
    statement: Any = (
        select(  # type: ignore[call-overload]
            RunRow.status,
            RunRow.created_at,
            RunRow.finished_at,
            RunRow.failure,
            RunRow.agents,
            WorkflowRow.name,
            WorkflowVersionRow.spec,
            func.clock_timestamp().label("now"),
        )
        .join(WorkflowVersionRow, col(WorkflowVersionRow.id) == col(RunRow.workflow_version_id))
        .join(WorkflowRow, col(WorkflowRow.id) == col(RunRow.workflow_id))
        .where(RunRow.project == project, RunRow.id == run)
    )
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        return None
    status = RunStatus(row.status)
    connection = await _driver(session)
    open_nodes = await certificate.open_nodes(connection, str(run))
    broken = await certificate.violations(connection, str(run))
    spec = {node.id: node for node in WorkflowSpec.model_validate(row.spec).nodes}
    pins = await _pins(session, row.agents)
    is_retryable = status in (RunStatus.FAILED, RunStatus.CANCELLED)
    return RunFacts(
        id=str(run),
        workflow=row.name,
        status=status,
        created_at=row.created_at,
        finished_at=row.finished_at,
        failure=_failure(row.failure),
        cancel=await find_cancel(session, run),
        open=open_nodes,
        ended=await _ended(session, run),
        work={node.id: _work(spec[node.id], pins[spec[node.id].agent]) for node in open_nodes},
        hosts=[
            HostFacts(
                name=host.name,
                pool=host.pool,
                status=host.status,
                slots=host.slots,
                busy=host.busy,
                missing=frozenset(host.missing_images),
            )
            for host in await list_hosts(session)
        ],
        unwoken=tuple(f"{one.node or 'the run'}: {one.why}" for one in broken),
        copies_too_much=is_retryable and await copied_bytes(session, run) > MAX_COPIED_BYTES,
        now=row.now,
    )


async def _driver(session: AsyncSession) -> Any:
    """The asyncpg connection that the session's transaction is on: the certificate's query is its own."""
    raw = await (await session.connection()).get_raw_connection()
    return raw.driver_connection


async def _pins(session: AsyncSession, agents: Mapping[str, str]) -> dict[str, Manifest]:
    ids = [UUID(id_) for id_ in agents.values()]
    rows = (await session.exec(select(AgentRow).where(col(AgentRow.id).in_(ids)))).all()
    manifests = {str(row.id): Manifest.model_validate(row.manifest) for row in rows}
    return {reference: manifests[id_] for reference, id_ in agents.items()}


def _work(spec: NodeSpec, agent: Manifest) -> Work:
    return Work(
        agent=f"{agent.name}@{agent.version}",
        action=spec.action,
        pool=agent.pool,
        max_attempts=spec.retry.max_attempts,
        repeatable=agent.effects is Effects.NONE or agent.idempotent,
    )


async def _ended(session: AsyncSession, run: UUID) -> list[EndedNode]:
    final = [status.value for status in NodeStatus if status.is_final]
    statement: Any = (
        select(NodeRow, AttemptRow.host)
        .join(
            AttemptRow,
            (col(AttemptRow.run_id) == col(NodeRow.run_id))
            & (col(AttemptRow.node) == col(NodeRow.node))
            & (col(AttemptRow.number) == col(NodeRow.attempt)),
            isouter=True,
        )
        .where(NodeRow.run_id == run, col(NodeRow.status).in_(final))
        .order_by(col(NodeRow.position))
    )
    return [
        EndedNode(
            id=row.node,
            status=NodeStatus(row.status),
            failure=_failure(row.failure),
            finished_at=row.finished_at,
            attempt=row.attempt,
            host=host,
        )
        for row, host in (await session.exec(statement)).all()
    ]


def _failure(value: Mapping[str, Any] | None) -> Failure | None:
    return None if value is None else Failure.model_validate(value)
