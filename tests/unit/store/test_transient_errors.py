"""Which of Postgres' errors may pass when the same is asked again, and how callers are told."""

import asyncpg
import pytest
import sqlalchemy.exc
from airlock_orchestration.errors import StoreUnavailable
from airlock_orchestration.store.path import is_transient, translated
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi


def wrapped(error: Exception, *, invalidated: bool = False) -> sqlalchemy.exc.DBAPIError:
    """As SQLAlchemy hands on what its driver said: in an error of its dialect's own."""
    orig = AsyncAdapt_asyncpg_dbapi.Error(str(error), error)
    return sqlalchemy.exc.DBAPIError("SELECT 1", None, orig, connection_invalidated=invalidated)


@pytest.mark.parametrize(
    "error",
    [
        OSError("connection reset"),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.SerializationError("40001"),
        asyncpg.DeadlockDetectedError("40P01"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.DiskFullError("53100"),
        asyncpg.ReadOnlySQLTransactionError("a replica"),
        asyncpg.InterfaceError("the pool is closing"),
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
        wrapped(asyncpg.DeadlockDetectedError("40P01")),
        wrapped(asyncpg.AdminShutdownError("terminating connection due to unexpected postmaster exit")),
        wrapped(asyncpg.CheckViolationError("23514"), invalidated=True),
    ],
    ids=repr,
)
async def test_what_others_or_the_way_there_caused_may_pass(error: Exception) -> None:
    assert is_transient(error)
    with pytest.raises(StoreUnavailable, match="Postgres did not answer") as told:
        async with translated():
            raise error
    assert told.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CheckViolationError("23514"),
        asyncpg.DataError("out of range"),
        wrapped(asyncpg.CheckViolationError("23514")),
        wrapped(asyncpg.DataError("out of range")),
        ValueError("a bug"),
    ],
    ids=repr,
)
async def test_what_the_call_itself_is_to_blame_for_passes_as_it_is(error: Exception) -> None:
    assert not is_transient(error)
    with pytest.raises(type(error)) as told:
        async with translated():
            raise error
    assert told.value is error


async def test_a_busy_replica_says_so_and_does_not_blame_postgres() -> None:
    error = sqlalchemy.exc.TimeoutError("QueuePool limit of size 8 reached")
    assert is_transient(error)
    with pytest.raises(StoreUnavailable, match="every session of this replica") as told:
        async with translated():
            raise error
    assert told.value.__cause__ is error


async def test_only_the_first_line_of_the_reason_is_told() -> None:
    with pytest.raises(StoreUnavailable) as told:
        async with translated():
            raise OSError("connection lost\nDETAIL: secrets of the server")
    assert "DETAIL" not in str(told.value)
