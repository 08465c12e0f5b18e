"""The answers of streams to what was published, matched to those who wait for them.

nats-py's own `publish_async` loses an answer of code 503, which is how a stream says that a message is
still there or that it is full (2.16.0: `APIError.from_error` raises where its caller expects a value).
"""

import asyncio
from dataclasses import dataclass

import orjson
from nats.aio.msg import Msg

from .connection import Bus
from .errors import NoAnswer
from .options import Headers

ACK_SECONDS = 5.0
MAX_IN_FLIGHT = 4096


@dataclass(frozen=True, slots=True)
class Stored:
    """The stream has it."""

    stream: str
    sequence: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class NotStored:
    """The stream, or JetStream in its place, said no."""

    code: int
    error: int
    text: str


@dataclass(frozen=True, slots=True)
class NobodyThere:
    """No stream listens on the subject."""


Answer = Stored | NotStored | NobodyThere


class Answers:
    """Sends messages with a reply address of their own under one inbox, and keeps who waits."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._inbox = bus.new_inbox()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._count = 0
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._listening = asyncio.Lock()
        self._heard = False

    async def send(self, subject: str, payload: bytes, headers: Headers | None) -> asyncio.Future[Answer]:
        """Send one message; its answer is the future's. Cancel the future to stop waiting.

        Raises NoAnswer when too many wait, and what `Bus.publish` raises.
        """
        if not self._heard:
            await self._listen()
        if self._room.locked():
            await self._wait_for_room()
        else:
            await self._room.acquire()
        self._count += 1
        reply = f"{self._inbox}.{self._count}"
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = future
        future.add_done_callback(lambda _: self._forget(reply))
        try:
            await self._bus.publish(subject, payload, reply=reply, headers=headers)
        except BaseException:
            future.cancel()
            raise
        return future

    async def _listen(self) -> None:
        async with self._listening:
            if not self._heard:
                await self._bus.subscribe_raw(f"{self._inbox}.*", self._receive)
                self._heard = True

    async def _wait_for_room(self) -> None:
        try:
            async with asyncio.timeout(ACK_SECONDS):
                await self._room.acquire()
        except TimeoutError as error:
            raise NoAnswer("too many messages wait for their acknowledgement") from error

    def _forget(self, reply: str) -> None:
        self._waiting.pop(reply, None)
        self._room.release()

    async def _receive(self, message: Msg) -> None:
        future = self._waiting.get(message.subject)
        if future is not None and not future.done():
            future.set_result(read_answer(message))


def read_answer(message: Msg) -> Answer:
    """What an answer says (JetStream wire protocol, PubAck). Raises ValueError for what is none."""
    if (message.headers or {}).get("Status") == "503":
        return NobodyThere()
    answer = orjson.loads(message.data)
    error = answer.get("error")
    if error is not None:
        return NotStored(
            int(error.get("code", 0)), int(error.get("err_code", 0)), str(error.get("description", ""))
        )
    return Stored(str(answer["stream"]), int(answer["seq"]), bool(answer.get("duplicate")))
