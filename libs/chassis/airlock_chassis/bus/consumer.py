"""A pull consumer that goes on for ever: it asks for no more than there is room for, and mends itself."""

import asyncio
import time
from collections.abc import Callable

from ..telemetry.logs import get_logger
from ..waiting import set_within
from .acks import AckTable, ShuttingDown
from .connection import Bus
from .errors import BusClosed, LayoutMismatch, NoAnswer
from .pull import FETCH_SECONDS, Deaf, Gone, Moved, Pull, wait_poked
from .streams import ConsumerSpec, Streams
from .work import EachMessage, InBatches

log = get_logger(__name__)

FIRST_RESTORE_SECONDS = 0.1
MAX_RESTORE_SECONDS = 5.0
MAX_REQUEST = 1024
"""Messages in one request, whatever room there is."""


class Consumer:
    """Pulls from one durable consumer and hands the messages to its work.

    `free` is asked right before each request: the number of messages that the process has room for,
    beside what the work itself bounds. A handler takes its slot before its first await; when a slot
    becomes free otherwise than by a handler's end, call `wake`.
    """

    def __init__(
        self,
        bus: Bus,
        streams: Streams,
        spec: ConsumerSpec,
        work: EachMessage | InBatches,
        acks: AckTable,
        *,
        free: Callable[[], int] | None = None,
        fetch_seconds: float = FETCH_SECONDS,
    ) -> None:
        self.spec = spec
        self.rebinds = 0
        """How often the pull was made anew: after a reconnect, a lost stream, a deaf spell."""
        self._bus = bus
        self._streams = streams
        self._work = work
        self._acks = acks
        self._free = free
        self._fetch_seconds = min(fetch_seconds, FETCH_SECONDS)
        self._poked = asyncio.Event()
        self._pulling = False

    @property
    def pulling(self) -> bool:
        """Whether it is bound to its consumer now: a health check may show it."""
        return self._pulling and self._bus.connected

    def wake(self) -> None:
        """There may be room again: look."""
        self._poked.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; then take nothing new, hand back what waits, and let handlers end.

        Cancel it when they may not go on any longer: what they hold is handed back at once. Raises
        BusClosed when the connection is gone for good.
        """
        unhook = self._bus.on_reconnect(self.wake)
        try:
            async with asyncio.TaskGroup() as group:
                self._work.start(group, self._acks, self.wake)
                waker = group.create_task(self._wake_at(stop))
                try:
                    await self._consume(stop)
                finally:
                    waker.cancel()
        except* BusClosed as closed:
            raise BusClosed("the connection to NATS is closed") from closed
        finally:
            unhook()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.wake()

    async def _consume(self, stop: asyncio.Event) -> None:
        delay = FIRST_RESTORE_SECONDS
        declared = False
        while not stop.is_set():
            started = time.monotonic()
            try:
                if not declared:
                    await self._streams.declare(self.spec)
                    declared = True
                await self._pull_until(stop)
                return
            except Moved:
                log.info("consumer.rebound", consumer=self.spec.name, reason="reconnected")
            except (Gone, Deaf, NoAnswer, LayoutMismatch) as error:
                log.warning("consumer.lost", consumer=self.spec.name, reason=str(error))
                declared = False
                if time.monotonic() - started > MAX_RESTORE_SECONDS:
                    delay = FIRST_RESTORE_SECONDS
                await set_within(stop, delay)
                delay = min(MAX_RESTORE_SECONDS, 2 * delay)
            self.rebinds += 1

    async def _pull_until(self, stop: asyncio.Event) -> None:
        pull = await Pull.open(self._bus, self.spec, self.wake, self._fetch_seconds)
        self._pulling = True
        try:
            while True:
                # What has arrived was asked for, so there is room for it, also when the pull has ended.
                if not stop.is_set():
                    for message in pull.take():
                        self._work.take(message)
                if stop.is_set():
                    return
                pull.check()
                room = self._room() if pull.may_ask else 0
                if room > 0:
                    await pull.ask(room)
                await wait_poked(self._poked, pull.patience())
        finally:
            self._pulling = False
            for message in await pull.close():
                await self._acks.settle(message, ShuttingDown())

    def _room(self) -> int:
        """How many messages may be asked for."""
        room = min(MAX_REQUEST, self._work.room())
        if self._free is not None:
            room = min(room, self._free() - self._work.waiting)
        return room
