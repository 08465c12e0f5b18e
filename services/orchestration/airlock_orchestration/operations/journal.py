"""The journal of a run, for those who follow it."""

from airlock_contracts.events import Event

from ..errors import RunUnknown
from ..store import events as store
from ..store.sessions import Sessions
from .principals import Principal


async def is_told(sessions: Sessions, principal: Principal, run: str, after: int) -> bool:
    """Whether a run has ended and has no events behind number `after`. Raises RunUnknown."""
    async with sessions.beside() as connection:
        found = await store.is_over(connection, principal.project, run)
    if found is None:
        raise RunUnknown(f"no run has the id {run}")
    return found[0] and after >= found[1]


async def read_events(sessions: Sessions, principal: Principal, run: str, after: int) -> list[Event]:
    """The events behind number `after`, in order, a bounded number of them; none for an unknown run."""
    async with sessions.beside() as connection:
        return await store.read_events(connection, principal.project, run, after)
