"""Sweeps for due times, and checks the wake-up certificate now and then."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from airlock_chassis.waiting import set_within

from ..errors import StoreUnavailable
from ..operations.sweep import Sweep
from ..store.due import DUE_LIMIT

SWEEP_SECONDS = 1.0
CERTIFICATE_SECONDS = 15.0

log = structlog.get_logger(__name__)


class Sweeper:
    """Runs the sweep every second; `certify` (answers the violations) and `forget_hosts` every 15."""

    def __init__(
        self,
        sweep: Sweep,
        certify: Callable[[], Awaitable[int]],
        forget_hosts: Callable[[], Awaitable[int]],
    ) -> None:
        self._sweep = sweep
        self._certify = certify
        self._forget_hosts = forget_hosts

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep until `stop` is set."""
        loop = asyncio.get_running_loop()
        certified_at = float("-inf")
        while not stop.is_set():
            try:
                moved = await self._sweep.once()
                if loop.time() - certified_at >= CERTIFICATE_SECONDS:
                    certified_at = loop.time()
                    if violations := await self._certify():
                        log.error("certificate.violated", nodes=violations)
                    if forgotten := await self._forget_hosts():
                        log.info("hosts.forgotten", hosts=forgotten)
                if moved >= DUE_LIMIT:
                    continue  # there may be more, and what was found did move: no rest
            except StoreUnavailable as error:
                log.warning("sweep.postponed", reason=str(error))
            await set_within(stop, SWEEP_SECONDS)
