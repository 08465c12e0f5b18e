"""Hosts: what their heartbeats say, and who is there."""

from airlock_contracts.messages import HeartbeatRequest
from airlock_contracts.views import HostView

from ..store import hosts as store
from ..store.sessions import Sessions


async def note_heartbeat(sessions: Sessions, heartbeat: HeartbeatRequest) -> None:
    """Write down how a host describes itself."""
    async with sessions.writing() as session:
        await store.note_heartbeat(session, heartbeat)


async def list_hosts(sessions: Sessions) -> list[HostView]:
    """All hosts by name. One not heard of for 60 s, by Postgres' clock, is GONE."""
    async with sessions.reading() as session:
        return await store.list_hosts(session)


async def forget_hosts(sessions: Sessions) -> int:
    """Forget hosts that have been gone for a week. Answers how many."""
    async with sessions.writing() as session:
        return await store.forget_hosts(session)
