"""Explanations: why a run stands where it stands."""

from uuid import UUID

from airlock_contracts.explanations import Explanation

from ..engine.explain import explain
from ..errors import RunUnknown
from ..store.explanations import load_facts
from ..store.sessions import Sessions
from .principals import Principal


async def explain_run(sessions: Sessions, principal: Principal, run: UUID) -> Explanation:
    """Say for whom or what a run waits, since when, and what happens next. Raises RunUnknown."""
    async with sessions.reading() as session:
        facts = await load_facts(session, principal.project, run)
    if facts is None:
        raise RunUnknown(f"no run has the id {run}")
    return explain(facts)
