"""The journal of a run, for those who follow it."""

from airlock_contracts.events import Event

from ..store import events as store
from ..store.sessions import Sessions
from .principals import Principal


async def read_events(sessions: Sessions, principal: Principal, run: str, after: int) -> list[Event]:
    """The events behind number `after`, in order, a bounded number of them; none for an unknown run."""
    async with sessions.path() as connection:
        return await store.read_events(connection, principal.project, run, after)
