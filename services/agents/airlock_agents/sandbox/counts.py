"""What was counted about one sandbox, as far as it was seen: an agent that ends takes its counts with it."""

import asyncio
from collections.abc import Callable

import structlog
from airlock_chassis.waiting import set_within

from .cgroup import Counted

LOOK_SECONDS = 0.5
"""From one look to the next at one that goes on, as hosts do it."""
_FIRST_LOOK_SECONDS = 0.02
_FIRST_LOOKS = 150
"""Three seconds of them at most: a start takes some tenths, and not every machine shows the counts at all."""

_log = structlog.get_logger(__name__)


class Counts:
    """The counts of one container. Where this machine does not show them, there are none."""

    def __init__(
        self,
        read: Callable[[], Counted | None],
        *,
        every_seconds: float = LOOK_SECONDS,
        on_ended: Callable[[], None] = lambda: None,
    ) -> None:
        """`read` reads them while they can be seen; `on_ended` hears at each look that it has ended."""
        self._read = read
        self._on_ended = on_ended
        self._every_seconds = every_seconds
        self._watching: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self.last = Counted()
        """What is known of all looks together."""

    def look(self) -> Counted | None:
        """Look now; None where nothing is to be seen any more, or at all."""
        counted = self._read()
        if counted is not None:
            self.last = self.last.then(counted)
        return counted

    def watch(self) -> None:
        """Look from now on until `close`: often until it lives, and then ever more seldom."""
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Look a last time, and no more."""
        if self._watching is None:
            return
        self._closing.set()
        await asyncio.wait({self._watching})
        if (bug := self._watching.exception()) is not None:
            # Told and no more: who closes has a container to remove.
            _log.error("sandbox.not_watched", exc_info=bug)

    async def _watch(self) -> None:
        pause = min(_FIRST_LOOK_SECONDS, self._every_seconds)
        lived, first = False, _FIRST_LOOKS
        while not self._closing.is_set():
            counted = self.look()
            lives = counted is not None and counted.processes != 0
            if lived and not lives:
                self._on_ended()
            lived |= lives
            await set_within(self._closing, pause)
            first -= 1
            if lived or first <= 0:
                pause = min(2 * pause, self._every_seconds)
        self.look()
