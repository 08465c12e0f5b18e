"""Hears the bells of all replicas, and wakes those here who follow the runs."""

import asyncio

from airlock_chassis.bus import Bus, Request
from airlock_chassis.telemetry.logs import get_logger
from airlock_contracts.messages import Bell, MalformedMessage
from airlock_contracts.subjects import Subjects

from ..operations.bells import Bells

log = get_logger(__name__)


class BellsWorker:
    """Listens on the bells of every project."""

    def __init__(self, bus: Bus, subjects: Subjects, bells: Bells) -> None:
        self._bus = bus
        self._subjects = subjects
        self._bells = bells

    async def run(self, stop: asyncio.Event) -> None:
        """Hear until `stop` is set; then send everyone who follows a run to another replica."""
        heard = await self._bus.subscribe(self._subjects.bell("*"), self._ring)
        await stop.wait()
        self._bells.close()
        await heard.close()

    async def _ring(self, request: Request) -> None:
        try:
            bell, _ = Bell.decode(request.payload)
        except MalformedMessage as error:  # a bell carries nothing that could be lost
            log.warning("bell.malformed", reason=str(error))
            return
        self._bells.ring(bell.runs)
        self._bells.ring_logs(bell.logs)
