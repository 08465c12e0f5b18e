"""Circuit breakers whose state is a metric, and whose opening and closing is a line in the log."""

import structlog

from ..breaker import Breaker, BreakerState
from .metrics import circuit_breaker_state

log = structlog.stdlib.get_logger(__name__)


def told_breaker(
    name: str, *, failures: int = 3, rest_seconds: float = 5.0, most_seconds: float = 60.0
) -> Breaker:
    """A breaker that tells its state; see `Breaker` for the rest."""
    circuit_breaker_state.labels(name).set(BreakerState.CLOSED)
    return Breaker(
        name, failures=failures, rest_seconds=rest_seconds, most_seconds=most_seconds, on_change=_Telling()
    )


class _Telling:
    """Says once that it opened, however often it is tried, and once that it closed."""

    def __init__(self) -> None:
        self._opened = False

    def __call__(self, breaker: Breaker, reason: str) -> None:
        state = breaker.state
        circuit_breaker_state.labels(breaker.name).set(state)
        if state is BreakerState.OPEN and not self._opened:
            self._opened = True
            log.warning("breaker.opened", breaker=breaker.name, reason=reason)
        elif state is BreakerState.CLOSED and self._opened:
            self._opened = False
            log.info("breaker.closed", breaker=breaker.name)
