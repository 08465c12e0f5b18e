"""Deletes what was kept for its time: what agents said in runs that ended long ago."""

import asyncio
from datetime import timedelta

import structlog
from airlock_chassis.waiting import set_within

from ..errors import StoreUnavailable
from ..operations.logs import FORGOTTEN_AT_ONCE, forget
from ..store.sessions import Sessions

LOOK_SECONDS = 60.0
PAUSE_SECONDS = 0.1
"""Between two statements while there is more: whoever writes goes first."""

log = structlog.get_logger(__name__)


class Retention:
    """Looks every minute. Any number of replicas may: one finds what another has left."""

    def __init__(self, sessions: Sessions, *, agent_logs: timedelta) -> None:
        self._sessions = sessions
        self._agent_logs = agent_logs

    async def run(self, stop: asyncio.Event) -> None:
        """Delete, until `stop` is set."""
        while not stop.is_set():
            try:
                lines = await forget(self._sessions, self._agent_logs)
            except StoreUnavailable as error:
                log.warning("logs.not_forgotten", reason=error.detail)
                lines = 0
            if lines:
                log.info("logs.forgotten", lines=lines)
            await set_within(stop, PAUSE_SECONDS if lines >= FORGOTTEN_AT_ONCE else LOOK_SECONDS)
