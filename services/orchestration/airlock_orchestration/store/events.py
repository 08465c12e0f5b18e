"""The journal as the event stream shows it."""

from typing import Any
from uuid import UUID

import orjson
from airlock_contracts.events import Event, EventType
from airlock_contracts.views import CancelView
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .tables import EventRow

EVENTS_LIMIT = 500
"""Rows per read; a reader asks again behind the last."""

_EVENTS = """
SELECT seq, at, type, principal, node, data FROM events
WHERE run_id = $1::uuid AND project = $2 AND seq > $3
ORDER BY seq LIMIT $4
"""


async def read_events(
    connection: Any, project: str, run: str, after: int = 0, limit: int = EVENTS_LIMIT
) -> list[Event]:
    """The run's events behind number `after`, in order, at most `limit`. Takes an asyncpg connection."""
    rows = await connection.fetch(_EVENTS, run, project, after, limit)
    return [
        Event(
            run=run,
            seq=row["seq"],
            at=row["at"],
            type=EventType(row["type"]),
            principal=row["principal"],
            node=row["node"],
            data=orjson.loads(row["data"]),
        )
        for row in rows
    ]


async def is_over(connection: Any, project: str, run: str) -> tuple[bool, int] | None:
    """Whether the run has ended, and the number of its newest event; None for an unknown run."""
    sql = "SELECT finished_at IS NOT NULL, last_event FROM runs WHERE id = $1::uuid AND project = $2"
    row = await connection.fetchrow(sql, run, project)
    return None if row is None else (row[0], row[1])


async def find_cancel(session: AsyncSession, run: UUID) -> CancelView | None:
    """Who asked a run to end, when and why; None where nobody did."""
    statement = (
        select(EventRow)
        .where(EventRow.run_id == run, EventRow.type == EventType.RUN_CANCELLING)
        .order_by(col(EventRow.seq))
        .limit(1)
    )
    row = (await session.exec(statement)).first()
    return None if row is None else CancelView(by=row.principal, at=row.at, reason=row.data.get("reason"))
