"""Who tells of commits, one after the other: none of them can harm what was committed, nor the others."""

from collections.abc import Callable, Sequence

import structlog

from ..operations.entries import Committed

Teller = Callable[[Sequence[Committed]], None]

log = structlog.get_logger(__name__)


def tell_all(tellers: Sequence[Teller], committed: Sequence[Committed]) -> None:
    """Let each of them tell of these commits. Never raises."""
    for teller in tellers:
        try:
            teller(committed)
        except Exception:  # an edge: Postgres has the commits, and whoever made them waits for an answer
            log.exception("commit.not_told", teller=teller.__qualname__, commits=len(committed))
