"""Sessions for the catalog and for what people read, with errors of our own.

    async with sessions.reading() as session:    one read-only snapshot
    async with sessions.writing() as session:    one transaction, committed at the end
    async with sessions.path() as connection:    asyncpg, for the queries of the path
    async with sessions.beside() as connection:  asyncpg, for followers, logs and a run's bytes
    async with sessions.recognising() as connection: asyncpg, for whose key it is
    async with sessions.counting() as connection: asyncpg, for how often somebody asks

All raise StoreUnavailable for what may succeed when it is asked again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from .database import Database, ReadSession, WriteSession
from .path import translated


class Sessions:
    """The connections of one database, as operations use them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """A session for reads."""
        async with translated(), self._database.reading() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteSession]:
        """A session for rare writes."""
        async with translated(), self._database.writing() as session:
            yield session

    @asynccontextmanager
    async def path(self) -> AsyncIterator[Any]:
        """An asyncpg connection."""
        async with translated(), self._database.path() as connection:
            yield connection

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[Any]:
        """An asyncpg connection of the few that the path does not use."""
        async with translated(), self._database.beside() as connection:
            yield connection

    @asynccontextmanager
    async def recognising(self) -> AsyncIterator[Any]:
        """The asyncpg connection for whose key it is: what comes before everything else of a request."""
        async with translated(), self._database.recognising() as connection:
            yield connection

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[Any]:
        """The asyncpg connection for how often somebody asks: what comes before a request's own work."""
        async with translated(), self._database.counting() as connection:
            yield connection

    async def is_alive(self) -> bool:
        """Whether Postgres answers now."""
        return await self._database.is_alive()
