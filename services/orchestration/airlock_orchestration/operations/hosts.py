"""Hosts: what their heartbeats say, and who is there."""

from airlock_contracts.views import HostView

from ..store import hosts as store
from ..store.sessions import Sessions


async def list_hosts(sessions: Sessions) -> list[HostView]:
    """All hosts by name. One not heard of for 60 s, by Postgres' clock, is GONE."""
    async with sessions.reading() as session:
        return await store.list_hosts(session)
