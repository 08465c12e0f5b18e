"""How late the event loop runs: the first sign that something blocks it."""

import asyncio

from .logs import get_logger
from .metrics import event_loop_lag_seconds

log = get_logger(__name__)

EVERY_SECONDS = 0.5
LOUD_SECONDS = 1.0


async def watch_loop_lag(stop: asyncio.Event) -> None:
    """Measure the loop's lag until `stop` is set; say so in the log when it is over a second."""
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        due = loop.time() + EVERY_SECONDS
        try:
            async with asyncio.timeout_at(due):
                await stop.wait()
        except TimeoutError:
            lag = max(0.0, loop.time() - due)
            event_loop_lag_seconds.observe(lag)
            if lag > LOUD_SECONDS:
                log.warning("loop.late", seconds=round(lag, 3))
