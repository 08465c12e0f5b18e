"""Circuit breakers whose state is a metric, and whose opening and closing is a line in the log."""

import threading

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
    """Says once that it opened, however often it is tried, and once that it closed.

    Threads come here in another order than they changed it. So the state is read and shown as one: whoever
    comes last shows the last one.
    """

    def __init__(self) -> None:
        self._opened = False
        self._lock = threading.Lock()

    def __call__(self, breaker: Breaker, reason: str) -> None:
        with self._lock:
            state, was_opened = breaker.state, self._opened
            circuit_breaker_state.labels(breaker.name).set(state)
            if state is not BreakerState.HALF_OPEN:
                self._opened = state is BreakerState.OPEN
        # Beyond the lock: a line goes through handlers, of which one sends it by what this may be about.
        if state is BreakerState.OPEN and not was_opened:
            log.warning("breaker.opened", breaker=breaker.name, reason=reason)
        elif state is BreakerState.CLOSED and was_opened:
            log.info("breaker.closed", breaker=breaker.name)
