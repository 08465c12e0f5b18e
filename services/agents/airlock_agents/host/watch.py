"""Asks a neighbour now and then whether it is there: the only way by which an open breaker is tried again.

So no attempt is ever the one that is risked to find out.
"""

import asyncio
from collections.abc import Awaitable, Callable

from airlock_chassis.breaker import Breaker
from airlock_chassis.waiting import set_within

EVERY_SECONDS = 5.0
DOUBTFUL_SECONDS = 0.5
"""After a failure: to know soon whether it is more than that, and whether an open breaker has rested."""


class Watch:
    """Watches one neighbour through its breaker."""

    def __init__(self, breaker: Breaker, ask: Callable[[], Awaitable[None]], *, always: bool = False) -> None:
        """`ask` tells the breaker how it went, takes bounded time, and raises nothing. With `always` it is
        asked also while it answers: else those who need it tell soon enough.
        """
        self._breaker = breaker
        self._ask = ask
        self._always = always

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set."""
        while not await set_within(stop, DOUBTFUL_SECONDS if self._breaker.doubtful else EVERY_SECONDS):
            if (self._always or not self._breaker.closed) and self._breaker.may_try():
                await self._ask()
