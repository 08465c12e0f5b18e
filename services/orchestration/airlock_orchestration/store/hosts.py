"""Hosts as their heartbeats describe them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from airlock_contracts.messages import HeartbeatRequest
from airlock_contracts.statuses import HostStatus
from airlock_contracts.views import HostView
from sqlalchemy import DateTime, case, delete, func, literal
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .tables import HostRow

GONE_AFTER = timedelta(seconds=60)
"""Without a heartbeat, by Postgres' clock."""
_FORGOTTEN_AFTER = timedelta(days=7)


async def note_heartbeat(session: AsyncSession, heartbeat: HeartbeatRequest) -> None:
    """Write a host's description down; `started_at` moves when its boot does."""
    described = {
        "boot": heartbeat.boot,
        "pool": heartbeat.pool,
        "version": heartbeat.version,
        "slots": heartbeat.slots,
        "busy": heartbeat.busy,
        "memory_mb": heartbeat.memory_mb,
        "draining": heartbeat.draining,
        "missing_images": heartbeat.missing_images,
        "seen_at": func.clock_timestamp(),
        "clock_ahead": None if heartbeat.at is None else _seconds_after_now(heartbeat.at),
    }
    statement = insert(HostRow).values(name=heartbeat.host, started_at=func.clock_timestamp(), **described)
    same_boot = col(HostRow.boot) == heartbeat.boot
    started = case((same_boot, col(HostRow.started_at)), else_=func.clock_timestamp())
    await session.exec(
        statement.on_conflict_do_update(index_elements=["name"], set_={**described, "started_at": started})
    )


async def list_hosts(
    session: AsyncSession, *, pool: str | None = None, after: str | None = None, limit: int = 1000
) -> list[HostView]:
    """Hosts by name, each with its status by Postgres' clock."""
    statement = select(HostRow, func.clock_timestamp() - GONE_AFTER > col(HostRow.seen_at))
    if pool is not None:
        statement = statement.where(HostRow.pool == pool)
    if after is not None:
        statement = statement.where(HostRow.name > after)
    rows: Sequence[tuple[HostRow, bool]] = (
        await session.exec(statement.order_by(col(HostRow.name)).limit(limit))
    ).all()
    return [_view(row, gone=gone) for row, gone in rows]


async def forget_hosts(session: AsyncSession) -> int:
    """Delete hosts that have been gone for a week. Answers how many."""
    long_gone = func.clock_timestamp() - _FORGOTTEN_AFTER > col(HostRow.seen_at)
    return (await session.exec(delete(HostRow).where(long_gone))).rowcount


def _seconds_after_now(at: datetime) -> Any:
    return func.extract("epoch", literal(at, DateTime(timezone=True)) - func.clock_timestamp())


def _view(row: HostRow, *, gone: bool) -> HostView:
    alive = HostStatus.DRAINING if row.draining else HostStatus.UP
    return HostView(
        name=row.name,
        status=HostStatus.GONE if gone else alive,
        pool=row.pool,
        version=row.version,
        slots=row.slots,
        busy=row.busy,
        memory_mb=row.memory_mb,
        missing_images=row.missing_images,
        started_at=row.started_at,
        seen_at=row.seen_at,
        clock_ahead=row.clock_ahead,
    )
