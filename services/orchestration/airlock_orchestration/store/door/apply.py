"""The one door: a batch of changed runs, written run by run whole or not at all, in one statement."""

from collections.abc import Iterable
from typing import Any

from .changes import Applied, RunChange
from .rows import rows_of
from .rowsets import arrays
from .statement import statement


async def apply(connection: Any, changes: Iterable[RunChange]) -> Applied:
    """Write a batch of changed runs. At most one change per run.

    Raises asyncpg.PostgresError; then nothing of the batch was written.
    """
    batch = sorted(changes, key=lambda change: change.run.id)
    if not batch:
        raise ValueError("an empty batch")
    rows = rows_of(batch)
    arguments: list[list[object]] = []
    for some in rows.values():
        arguments.extend(arrays(some))
    row = await connection.fetchrow(statement(tuple(rows)), *arguments)
    return Applied(
        matched=frozenset(change.run.id for change, flag in zip(batch, row["flags"], strict=True) if flag),
        refused=frozenset(batch[i - 1].run.id for i in row["refused"]),
        now=row["now"],
    )
