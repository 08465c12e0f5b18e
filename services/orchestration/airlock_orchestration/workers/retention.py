"""Deletes what was kept for its time: what agents said in runs that ended long ago, counts of requests."""

import asyncio
from datetime import timedelta

import structlog
from airlock_chassis.waiting import set_within

from ..errors import StoreUnavailable
from ..operations.logs import FORGOTTEN_AT_ONCE, forget
from ..store.rates import forget_rates
from ..store.sessions import Sessions

LOOK_SECONDS = 60.0
PAUSE_SECONDS = 0.1
"""Between two statements while there is more: whoever writes goes first."""
RATES_AT_ONCE = 5_000

log = structlog.get_logger(__name__)


class Retention:
    """Looks every minute. Any number of replicas may: one finds what another has left."""

    def __init__(self, sessions: Sessions, *, agent_logs: timedelta) -> None:
        self._sessions = sessions
        self._agent_logs = agent_logs

    async def run(self, stop: asyncio.Event) -> None:
        """Delete, until `stop` is set."""
        while not stop.is_set():
            lines, buckets = await self._forget_lines(), await self._forget_rates()
            there_is_more = lines >= FORGOTTEN_AT_ONCE or buckets >= RATES_AT_ONCE
            await set_within(stop, PAUSE_SECONDS if there_is_more else LOOK_SECONDS)

    async def _forget_lines(self) -> int:
        try:
            lines = await forget(self._sessions, self._agent_logs)
        except StoreUnavailable as error:
            log.warning("logs.not_forgotten", reason=error.detail)
            return 0
        if lines:
            log.info("logs.forgotten", lines=lines)
        return lines

    async def _forget_rates(self) -> int:
        """Delete counts of requests that nobody is held by any more; they are nothing that one would miss."""
        try:
            async with self._sessions.beside() as connection:
                return await forget_rates(connection, RATES_AT_ONCE)
        except StoreUnavailable as error:
            log.warning("rates.not_forgotten", reason=error.detail)
            return 0
