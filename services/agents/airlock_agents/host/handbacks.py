"""Which attempts this host handed back, and told of: once, and then seldom.

What a host lacks (an image, memory, a neighbour) it may lack for days, and JetStream offers it the same
invocation again and again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

QUIET_SECONDS = 600.0
"""From one word about an attempt to the next."""
MAX_REMEMBERED = 10_000
"""Attempts; the one that was told of longest ago is forgotten first, and told of again."""


class Handbacks:
    """Remembers of which attempts it was told that they were handed back, and when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: OrderedDict[str, float] = OrderedDict()

    def is_told(self, attempt: str) -> bool:
        """Whether it was told of an attempt (`run/node/number`) lately."""
        told_at = self._told.get(attempt)
        return told_at is not None and self._clock() - told_at < QUIET_SECONDS

    def tell(self, attempt: str) -> None:
        """It is told of this attempt now."""
        self._told[attempt] = self._clock()
        self._told.move_to_end(attempt)
        if len(self._told) > MAX_REMEMBERED:
            self._told.popitem(last=False)
