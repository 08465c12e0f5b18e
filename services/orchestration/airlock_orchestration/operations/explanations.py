"""Explanations: why a run stands where it stands."""

from uuid import UUID

from airlock_contracts.explanations import Explanation

from ..engine.advice import ADVICE
from ..engine.explain import explain
from ..errors import PAGES, RunUnknown
from ..store.explanations import load_facts
from ..store.sessions import Sessions
from .principals import Principal


async def explain_run(sessions: Sessions, principal: Principal, run: UUID) -> Explanation:
    """Say for whom or what a run waits, since when, and what happens next. Raises RunUnknown."""
    async with sessions.reading() as session:
        facts = await load_facts(session, principal.project, run)
    if facts is None:
        raise RunUnknown(f"no run has the id {run}")
    explained = explain(facts)
    failed = [node.model_copy(update={"page": _page(node.code)}) for node in explained.failed]
    return explained.model_copy(update={"failed": failed})


def _page(code: str) -> str | None:
    """Where REST tells more about a code of ours; an agent's own codes have no page."""
    return f"{PAGES}{code}" if code in ADVICE else None
