"""Hosts: what their heartbeats say, and who is there."""

from airlock_contracts.views import HostView

from ..store import hosts as store
from ..store.sessions import Sessions


async def list_hosts(
    sessions: Sessions, *, pool: str | None = None, after: str | None = None, limit: int = 200
) -> tuple[list[HostView], str | None]:
    """One page of hosts by name, and the name that the next page is after.

    One not heard of for 60 s, by Postgres' clock, is GONE.
    """
    async with sessions.reading() as session:
        found = await store.list_hosts(session, pool=pool, after=after, limit=limit + 1)
    shown = found[:limit]
    return shown, shown[-1].name if len(found) > limit else None
