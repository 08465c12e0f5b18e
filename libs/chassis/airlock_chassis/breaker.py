"""A circuit breaker that advises and never refuses: when to leave a neighbour alone, when to try it again.

Closed: it answers. Open: it failed several times in a row, and is left alone for a while. Half open: one is
trying it. Whoever asks it something anyway tells how that went, and that counts too.
"""

import threading
import time
from collections.abc import Callable
from enum import IntEnum


class BreakerState(IntEnum):
    """As the metric shows it."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """The state of one neighbour, for any number of threads.

    Opens after `failures` in a row; rests `rest_seconds`, twice as long after each try that failed, at most
    `most_seconds`. `on_change` hears of each new state; it is called without the lock, in the thread that
    brought it about.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 3,
        rest_seconds: float = 5.0,
        most_seconds: float = 60.0,
        on_change: Callable[["Breaker", str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._limit = failures
        self._first_rest = rest_seconds
        self._most_rest = most_seconds
        self._on_change = on_change
        self._clock = clock
        self._lock = threading.Lock()
        self._state = BreakerState.CLOSED
        self._failed = 0
        self._rest = rest_seconds
        self._until = 0.0

    @property
    def state(self) -> BreakerState:
        """What is known now."""
        return self._state

    @property
    def closed(self) -> bool:
        """Whether the neighbour answers, as far as is known."""
        return self._state is BreakerState.CLOSED

    @property
    def doubtful(self) -> bool:
        """Whether it failed since it last answered."""
        return self._failed > 0

    @property
    def waits_seconds(self) -> float:
        """How long until it is worth a try; 0 when it is already."""
        return 0.0 if self.closed else max(0.0, self._until - self._clock())

    def may_try(self) -> bool:
        """Whether to ask now: always while it is closed; then one at a time, once it has rested.

        Who got a yes tells the outcome; who never does loses the turn after another rest.
        """
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return True
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + self._rest
            changed = self._state is not BreakerState.HALF_OPEN
            self._state = BreakerState.HALF_OPEN
        if changed:
            self._tell("")
        return True

    def succeeded(self) -> None:
        """It answered."""
        if self._failed == 0 and self._state is BreakerState.CLOSED:
            return  # by far the most frequent; a failure beside it is as good after as before
        with self._lock:
            changed = self._state is not BreakerState.CLOSED
            self._state = BreakerState.CLOSED
            self._failed = 0
            self._rest = self._first_rest
        if changed:
            self._tell("")

    def failed(self, reason: str = "") -> None:
        """It did not answer, or not as it should."""
        with self._lock:
            match self._state:
                case BreakerState.CLOSED:
                    self._failed += 1
                    if self._failed < self._limit:
                        return
                case BreakerState.HALF_OPEN:
                    self._rest = min(self._most_rest, 2 * self._rest)
                case BreakerState.OPEN:
                    return  # somebody asked all the same, and learnt nothing new
            self._state = BreakerState.OPEN
            self._until = self._clock() + self._rest
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        if self._on_change is not None:
            self._on_change(self, reason)
