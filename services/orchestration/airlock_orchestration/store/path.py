"""The path: what the door, reports, heartbeats and the sweep ask of Postgres, on connections of the pool.

Here asyncpg's errors become ours: what may succeed when asked again is StoreUnavailable, the rest is a
bug or bad data and passes as it is.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import sqlalchemy.exc
from airlock_chassis.telemetry.metrics import commit_seconds
from airlock_contracts.messages import AttemptId, HeartbeatRequest, Holding
from sqlalchemy.exc import DBAPIError

from ..engine.retry import LEASE
from ..engine.state import RunState, Values
from ..errors import StoreUnavailable
from . import attempts, certificate, due, runs
from .census import Census, measure_database, take_census
from .contexts import Contexts
from .database import AWAY, Database
from .door.apply import apply
from .door.changes import Applied, RunChange
from .due import Due
from .hosts import GONE_AFTER, forget_hosts, note_heartbeat
from .plans import PlanSource

_TRANSIENT = (
    *AWAY,
    asyncpg.TransactionRollbackError,  # 40xxx
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,  # our own statement_timeout
    asyncpg.InsufficientResourcesError,  # 53xxx: disk or memory is full
    asyncpg.PostgresSystemError,  # 58xxx: its disk failed it, which is no run's fault
    asyncpg.ReadOnlySQLTransactionError,  # a failover: the new primary is elsewhere
    asyncpg.InterfaceError,  # the pool is closing, or the connection is closed
    sqlalchemy.exc.TimeoutError,  # no session became free
)
_GONE = """
SELECT name FROM hosts WHERE seen_at < clock_timestamp() - $1::interval ORDER BY seen_at DESC LIMIT $2
"""
_PUT_BY = "SELECT sha256 FROM artifact_puts WHERE put_by = $1 AND sha256 = ANY($2::text[])"

MAX_GONE = 256
"""Gone hosts that one heartbeat's answer names."""


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later: the connection was lost, or others were in the way."""
    if isinstance(error, DBAPIError):
        # `orig` is the dialect's own class of error; which of asyncpg's it was is asked here.
        return error.connection_invalidated or (
            error.orig is not None and is_transient(error.driver_exception)
        )
    return isinstance(error, _TRANSIENT)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise StoreUnavailable for what may succeed later."""
    try:
        yield
    except Exception as error:
        if isinstance(error, sqlalchemy.exc.TimeoutError):
            raise StoreUnavailable("every session of this replica with Postgres was in use") from error
        if is_transient(error):
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise StoreUnavailable(f"Postgres did not answer: {reason}") from error
        raise


class Path:
    """Postgres as the door, the workers and the gauges see it. Every method raises StoreUnavailable."""

    def __init__(self, database: Database, plans: PlanSource) -> None:
        self._database = database
        self._plans = plans
        self._contexts = Contexts()

    async def load(self, ids: Iterable[str]) -> Mapping[str, RunState]:
        """Read runs as the engine knows them."""
        async with self._connection() as connection:
            return await runs.load_states(connection, list(ids), self._plans)

    async def values(self, wants: Mapping[str, frozenset[str]]) -> Mapping[str, Values]:
        """Read what templates will read: `context`, `nodes.<id>`, by run."""
        if self._contexts.hold(wants):
            return {run: Values(context=self._contexts.get(run)) for run in wants}
        async with self._connection() as connection:
            return await runs.load_values(connection, wants, self._contexts)

    async def apply(self, changes: Sequence[RunChange]) -> Applied:
        """Write a batch by one statement."""
        with commit_seconds.time():
            async with self._connection() as connection:
                return await apply(connection, changes)

    async def fail_poisoned(self, run: str) -> bool:
        """End a run FAILED `internal` by one fixed statement; False if it had ended already."""
        async with self._connection() as connection:
            return await runs.fail_poisoned(connection, run)

    async def now(self) -> datetime:
        """Postgres' clock."""
        async with self._connection() as connection:
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
            return now

    async def inputs(self, nodes: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], bytes]:
        """The resolved inputs of (run, node)."""
        async with self._connection() as connection:
            return await runs.load_inputs(connection, nodes)

    async def put_by(self, attempt: str, digests: Collection[str]) -> frozenset[str]:
        """Those of the digests that this attempt (`run/node/number`) has put."""
        async with self._connection() as connection:
            rows = await connection.fetch(_PUT_BY, attempt, sorted(digests))
            return frozenset(row["sha256"] for row in rows)

    async def due(self) -> Sequence[Due]:
        """What is due by now."""
        async with self._connection() as connection:
            return await due.read_due(connection)

    async def note_sweep(self, gap_seconds: float) -> bool:
        """Note that a replica sweeps now. False, and nothing noted: none did for `gap_seconds`."""
        async with self._connection() as connection:
            return await due.note_sweep(connection, gap_seconds)

    async def extend_all_live(self) -> int:
        """Extend every live lease once, after an outage of our own; counts as a sweep."""
        async with self._connection() as connection:
            return await attempts.extend_all_live(connection, LEASE.total_seconds())

    async def violations(self) -> int:
        """How many nodes and runs have no reason to wake. Anything but 0 is a bug."""
        async with self._connection() as connection:
            return len(await certificate.violations(connection))

    async def census(self) -> Census:
        """What there is and what waits, counted beside the path: it may be busy."""
        async with translated(), self._database.beside() as connection:
            return await take_census(connection)

    async def database_bytes(self) -> int:
        """What the database takes on disk."""
        async with translated(), self._database.beside() as connection:
            return await measure_database(connection)

    async def is_alive(self) -> bool:
        """Whether Postgres answers on the path now. Never raises."""
        return await self._database.is_alive()

    async def note_host(self, beat: HeartbeatRequest) -> None:
        """Note that a host lives and how it is."""
        async with translated(), self._database.writing() as session:
            await note_heartbeat(session, beat)

    async def gone_hosts(self) -> Sequence[str]:
        """The hosts not heard of for 60 s, those last seen first, at most 256."""
        async with self._connection() as connection:
            rows = await connection.fetch(_GONE, GONE_AFTER, MAX_GONE)
            return [row["name"] for row in rows]

    async def forget_hosts(self) -> int:
        """Forget hosts that have been gone for a week; answers how many."""
        async with translated(), self._database.writing() as session:
            return await forget_hosts(session)

    async def extend_leases(self, host: str, held: Sequence[tuple[AttemptId, str]]) -> Mapping[str, Holding]:
        """Renew the leases that are still this host's; answer by `run/node/number`."""
        wanted = [(one.run, one.node, one.number, token) for one, token in held]
        async with self._connection() as connection:
            answers = await attempts.extend_leases(connection, host, wanted, LEASE.total_seconds())
        return dict(answers)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        async with translated(), self._database.path() as connection:
            yield connection
