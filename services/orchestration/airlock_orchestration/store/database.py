"""The connections to Postgres: pools for the path and beside it, and sessions for reads and rare writes.

    async with Database(url) as database:           raises DatabaseUnavailable
        async with database.path() as connection:   asyncpg: the door, due times, heartbeats
        async with database.beside() as connection: asyncpg: followers, logs, a run's bytes
        async with database.recognising() as connection: asyncpg: whose key it is
        async with database.counting() as connection: asyncpg: how often somebody asks
        async with database.reading() as session:   SQLAlchemy, one read-only transaction
        async with database.writing() as session:   SQLAlchemy, one transaction, committed at the end

Every connection carries limits that Postgres itself enforces: nothing waits or holds a lock for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import AsyncAdaptedQueuePool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

BESIDE_CONNECTIONS = 4
"""Few: followers of runs and lines of logs, however many, wait for each other, and nobody else for them."""
RECOGNISING_CONNECTIONS = 1
"""Keys that come while a replica asks about others go together in its next question."""
COUNTING_CONNECTIONS = 1
"""The same of requests that are counted: but these may wait for a row that another replica has."""
CONNECT_SECONDS = 8.0
"""How long a start waits for Postgres."""
_TRY_SECONDS = 0.25
_ALIVE_SECONDS = 2.0
_CLOSE_SECONDS = 2.0
_ACQUIRE_SECONDS = 10.0  # for a connection of the pool; then TimeoutError
_LIMITS = {
    "application_name": "airlock",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
    "timezone": "UTC",
    "jit": "off",  # compiling costs more than any of our statements takes
}
_PATH = _LIMITS | {
    "statement_timeout": "10s",
    # The path's statements are few and large, and look up by key. Each is planned once, often while tables
    # are still small: a plan that reads them whole would live on when they have grown. So no scans; and where
    # the planner might still walk a whole index, a statement says LATERAL: look up row by row.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
}
_SESSIONS = _LIMITS | {"statement_timeout": "30s"}
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,  # 08xxx
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    # The connection heard its end, a shutdown for instance, and has not seen it yet.
    asyncpg.InternalClientError,
)
"""What asyncpg raises where Postgres went away, or has just begun."""


@dataclass(frozen=True, slots=True)
class PoolUse:
    """The connections of one pool."""

    pool: str
    used: int
    size: int
    """As many as it may open."""


class DatabaseUnavailable(Exception):
    """Postgres does not answer at the given address."""


class ReadSession(AsyncSession):
    """A session in a read-only transaction."""


class WriteSession(AsyncSession):
    """A session in a transaction that is committed where it ends."""


class Database:
    """Connections to one database."""

    def __init__(self, url: str, *, path_connections: int = 8, sessions: int = 8) -> None:
        """Take an address: `postgresql://user:password@host:port/name`; `?host=/folder` for a unix socket.

        It opens at most `path_connections` + `sessions` + 6 connections: 22, unless it is told otherwise.
        """
        self._url = url
        self._path_connections = path_connections
        self._sessions = sessions
        self._pool: asyncpg.Pool | None = None
        self._beside: asyncpg.Pool | None = None
        self._recognising: asyncpg.Pool | None = None
        self._counting: asyncpg.Pool | None = None
        self._engine: AsyncEngine | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def connect(self, deadline: float = CONNECT_SECONDS) -> None:
        """Open the pools. Raises DatabaseUnavailable without an answer within `deadline` seconds."""
        self._pool = await _until(self._open_path, deadline, describe(self._url))
        self._beside = await self._open(CONNECT_SECONDS, least=0, most=BESIDE_CONNECTIONS)
        self._recognising = await self._open(CONNECT_SECONDS, least=0, most=RECOGNISING_CONNECTIONS)
        self._counting = await self._open(CONNECT_SECONDS, least=0, most=COUNTING_CONNECTIONS)
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._open_session,
            pool_size=self._sessions,
            max_overflow=0,
            pool_timeout=5.0,
            pool_pre_ping=True,
        )

    async def close(self) -> None:
        """Close everything; what is under way is ended. Postgres is given 2 s to say goodbye."""
        pools = [p for p in (self._counting, self._recognising, self._beside, self._pool) if p is not None]
        engine = self._engine
        self._counting = self._recognising = self._beside = self._pool = self._engine = None
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                if engine is not None:
                    await engine.dispose()
                for pool in pools:
                    await pool.close()
        except TimeoutError:
            for pool in pools:
                pool.terminate()

    @asynccontextmanager
    async def path(self) -> AsyncIterator[Any]:
        """An asyncpg connection: every statement is a transaction unless the caller opens one."""
        async with _acquired(self._pool) as connection:
            yield connection

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[Any]:
        """An asyncpg connection for what must never keep the path waiting; the same limits."""
        async with _acquired(self._beside) as connection:
            yield connection

    @asynccontextmanager
    async def recognising(self) -> AsyncIterator[Any]:
        """The asyncpg connection for whose key it is: every request waits for that; the same limits."""
        async with _acquired(self._recognising) as connection:
            yield connection

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[Any]:
        """The asyncpg connection for how often somebody asks, which may wait for another replica."""
        async with _acquired(self._counting) as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """A session for reads: one read-only snapshot from its first statement to its end."""
        assert self._engine is not None, "the database is not connected"
        async with ReadSession(self._engine, expire_on_commit=False) as session:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            await session.connection(execution_options=options)
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteSession]:
        """A session for rare writes: committed at the end, rolled back if an exception passes."""
        assert self._engine is not None, "the database is not connected"
        async with WriteSession(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    def pools(self) -> Sequence[PoolUse]:
        """How much of each pool of connections is in use."""
        if self._engine is None:
            return ()
        sessions = cast(AsyncAdaptedQueuePool, self._engine.pool)
        return (
            PoolUse("path", _used(self._pool), self._path_connections),
            PoolUse("sessions", sessions.checkedout(), self._sessions),
            PoolUse("followers", _used(self._beside), BESIDE_CONNECTIONS),
            PoolUse("recognising", _used(self._recognising), RECOGNISING_CONNECTIONS),
            PoolUse("counting", _used(self._counting), COUNTING_CONNECTIONS),
        )

    async def is_alive(self) -> bool:
        """Whether Postgres answers now: known within 2 s."""
        # Connections that are all at work say nothing of Postgres: others are asked then.
        ask = self.path if _used(self._pool) < self._path_connections else self.beside
        try:
            async with asyncio.timeout(_ALIVE_SECONDS), ask() as connection:
                try:
                    await connection.fetchval("SELECT 1")
                except BaseException:
                    # Else the release waits for Postgres to cancel what was asked: 10 s for one that hangs.
                    connection.terminate()
                    raise
        except (*AWAY, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def _open_path(self, seconds: float) -> asyncpg.Pool:
        return await self._open(seconds, least=1, most=self._path_connections)

    async def _open(self, seconds: float, *, least: int, most: int) -> asyncpg.Pool:
        return await asyncpg.create_pool(
            self._url,
            min_size=least,
            max_size=most,
            timeout=seconds,
            command_timeout=15.0,
            server_settings=_PATH,
            # Prepared once per connection and kept, however large.
            max_cacheable_statement_size=0,
            max_cached_statement_lifetime=0,
            # asyncpg's own reset costs a round trip at each release. Nothing here leaves state behind.
            reset=_leave,
        )

    async def _open_session(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._url, timeout=CONNECT_SECONDS, command_timeout=45.0, server_settings=_SESSIONS
        )


@asynccontextmanager
async def _acquired(pool: asyncpg.Pool | None) -> AsyncIterator[Any]:
    assert pool is not None, "the database is not connected"
    async with pool.acquire(timeout=_ACQUIRE_SECONDS) as connection:
        try:
            yield connection
        except asyncpg.InternalClientError:
            connection.terminate()  # neither at rest nor lost: the next to have it would fail as well
            raise


def _used(pool: asyncpg.Pool | None) -> int:
    if pool is None:  # it is not open yet, or no more
        return 0
    used: int = pool.get_size() - pool.get_idle_size()
    return used


def describe(url: str) -> str:
    """The address without user and password, for people."""
    parts = urlsplit(url)
    at = parts.netloc.rpartition("@")[2] or "local socket"
    return f"{at}{parts.path}"


async def _until(open_: Any, deadline: float, address: str) -> asyncpg.Pool:
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline
    while True:
        try:
            left = max(end - loop.time(), 0.1)
            async with asyncio.timeout(left):
                return await open_(left)
        except AWAY as error:  # refused, timed out, still starting, or already ending
            if loop.time() + _TRY_SECONDS >= end:
                raise DatabaseUnavailable(
                    f"Postgres at {address} did not answer within {deadline:g} s ({_reason(error)})"
                ) from error
            await asyncio.sleep(_TRY_SECONDS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise DatabaseUnavailable(f"Postgres at {address} refused us: {_reason(error)}") from error


async def _leave(connection: Any) -> None:
    """Leave a released connection as it is, unless whoever had it was cancelled in a transaction."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


def _reason(error: BaseException) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0]
