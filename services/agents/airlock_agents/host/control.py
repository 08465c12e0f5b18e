"""Hears orchestration: attempts to end, and questions about images."""

import asyncio

from airlock_chassis.bus import Bus, Request, Subscription
from airlock_chassis.telemetry.logs import get_logger
from airlock_contracts.messages import CancelBroadcast, ImageReply, ImageRequest, MalformedMessage
from airlock_contracts.subjects import Subjects

from ..sandbox.docker import Containers, EngineFailed, StartRefused
from ..sandbox.pinning import Pinned, inspect_image
from .attempt import Ending
from .holdings import Holdings

log = get_logger(__name__)


class Control:
    """Listens on the control subjects that are for hosts."""

    def __init__(
        self, bus: Bus, subjects: Subjects, holdings: Holdings, containers: Containers, *, pool: str
    ) -> None:
        self._bus = bus
        self._subjects = subjects
        self._holdings = holdings
        self._containers = containers
        self._pool = pool
        self._subscriptions: list[Subscription] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop` is set."""
        await self.start()
        try:
            await stop.wait()
        finally:
            await self.stop()

    async def start(self) -> None:
        """Begin to listen. Every host hears of cancels; one host of each pool is asked about an image."""
        self._subscriptions = [
            await self._bus.subscribe(self._subjects.cancel, self._cancel),
            await self._bus.respond(self._subjects.image, self._image, queue=self._pool),
        ]

    async def stop(self) -> None:
        """Listen no more."""
        for subscription in self._subscriptions:
            await subscription.close()
        self._subscriptions = []

    async def _cancel(self, request: Request) -> None:
        try:
            broadcast, _ = CancelBroadcast.decode(request.payload)
        except MalformedMessage as error:
            log.warning("cancel.malformed", reason=str(error))
            return
        for id_ in broadcast.attempts:
            if (attempt := self._holdings.running.get(str(id_))) is not None:
                attempt.end(Ending.CANCELLED)

    async def _image(self, request: Request) -> bytes | None:
        try:
            asked, _ = ImageRequest.decode(request.payload)
        except MalformedMessage as error:
            log.warning("image.malformed", reason=str(error))
            return None
        if asked.pool != self._pool:
            return None
        try:
            found = await inspect_image(self._containers, asked.image)
        except EngineFailed as error:
            log.warning("image.unanswered", image=asked.image, reason=str(error))
            return None  # silence is no verdict on the image
        except StartRefused as error:
            return ImageReply(problem=f"the engine cannot look at {asked.image!r}: {error}").encode()
        if isinstance(found, Pinned):
            return ImageReply(digest=found.digest).encode()
        return ImageReply(problem=found.problem).encode()
