"""The catalog on a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from airlock_orchestration.operations.principals import Principal
from airlock_orchestration.store.database import Database
from airlock_orchestration.store.sessions import Sessions
from airlock_orchestration.store.tables import KeyRole


@pytest.fixture
async def sessions(migrated_database_url: str) -> AsyncIterator[Sessions]:
    """Sessions on a database of this test alone."""
    async with Database(migrated_database_url) as database:
        yield Sessions(database)


@pytest.fixture
def alice() -> Principal:
    """Someone with an admin's key."""
    return Principal("0123456789", "alice", KeyRole.ADMIN)
