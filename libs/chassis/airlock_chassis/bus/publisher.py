"""Publishing into streams, many at once, each with an answer."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import nats.errors
from nats.js import api
from nats.js.errors import APIError, NoStreamResponseError

from ..telemetry.logs import get_logger
from .connection import PUBLISHES_IN_FLIGHT, Bus, Headers
from .errors import BusClosed, LayoutMismatch, NoAnswer, PublishRefused, PublishUnknown
from .streams import Streams

log = get_logger(__name__)

ACK_SECONDS = 5.0
MAX_BATCH = 1024
"""Messages sent before the first answers are awaited; a longer list goes in pieces."""
MESSAGE_ID = "Nats-Msg-Id"
STORE_FAILED = 10077
"""The stream did not store it; only the text says why."""
STILL_THERE = "maximum messages per subject"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish. `msg_id` lets the stream swallow a repetition within its window."""

    subject: str
    payload: bytes
    msg_id: str | None = None
    headers: Headers | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """The stream has it."""

    stream: str
    sequence: int
    duplicate: bool
    """It already had one with this message id."""


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The stream still holds a message on this subject: normal, and nothing to do."""

    subject: str


Published = Ack | AlreadyThere
Outcome = Published | PublishUnknown | PublishRefused


class Publisher:
    """Pipelined publishing: as many in flight as the connection allows, each acknowledged."""

    def __init__(self, bus: Bus, streams: Streams, *, ack_seconds: float = ACK_SECONDS) -> None:
        self._bus = bus
        self._streams = streams
        self._ack_seconds = ack_seconds
        self._room = asyncio.Semaphore(PUBLISHES_IN_FLIGHT)

    async def publish(
        self, subject: str, payload: bytes, *, msg_id: str | None = None, headers: Headers | None = None
    ) -> Published:
        """Publish one message and wait for its answer. Raises PublishUnknown, PublishRefused."""
        (outcome,) = await self.publish_all([Outgoing(subject, payload, msg_id, headers)])
        if isinstance(outcome, Ack | AlreadyThere):
            return outcome
        raise outcome

    async def publish_all(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Publish all at once; the answers stand in the order of the messages. Raises nothing.

        Where no stream listens, the streams are declared again and those messages are sent once more.
        """
        started = time.monotonic()
        outcomes: list[Outcome] = []
        for first in range(0, len(messages), MAX_BATCH):
            outcomes += await self._send(messages[first : first + MAX_BATCH])
        homeless = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, _NoStream)]
        if homeless:
            try:
                await self._streams.restore(started)
            except (NoAnswer, LayoutMismatch) as error:
                log.warning("publish.no_stream", messages=len(homeless), reason=str(error))
            else:
                again = await self._send([messages[index] for index in homeless])
                for index, outcome in zip(homeless, again, strict=True):
                    outcomes[index] = outcome
        return outcomes

    async def _send(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        sent: list[asyncio.Future[api.PubAck] | Outcome] = []
        try:
            for message in messages:
                sent.append(await self._start(message))  # noqa: PERF401 - what began is cancelled below
            waiting = [future for future in sent if isinstance(future, asyncio.Future)]
            if waiting:
                await asyncio.wait(waiting, timeout=self._ack_seconds)
        finally:
            for future in sent:  # an answer that comes later finds nobody; the client forgets it
                if isinstance(future, asyncio.Future):
                    future.cancel()
        return [
            _outcome(message, future) if isinstance(future, asyncio.Future) else future
            for message, future in zip(messages, sent, strict=True)
        ]

    async def _start(self, message: Outgoing) -> asyncio.Future[api.PubAck] | Outcome:
        headers = dict(message.headers or {})
        if message.msg_id is not None:
            headers[MESSAGE_ID] = message.msg_id
        try:
            async with asyncio.timeout(self._ack_seconds):
                await self._room.acquire()
        except TimeoutError:
            return PublishUnknown(f"{message.subject} was not sent: too many wait for their answers")
        try:
            # Our own room is smaller than the client's: its wait, which swallows a cancel, never begins.
            future = await self._bus.jetstream.publish_async(
                message.subject, message.payload, headers=headers or None
            )
        except nats.errors.MaxPayloadError:
            self._room.release()
            return PublishRefused(f"{len(message.payload)} bytes are more than NATS takes in one message")
        except (nats.errors.Error, BusClosed) as error:
            self._room.release()
            return PublishUnknown(f"{message.subject} was not sent: {error}")
        future.add_done_callback(lambda _: self._room.release())
        return future


class _NoStream(PublishUnknown):
    """Nobody listens on the subject."""


def _outcome(message: Outgoing, future: asyncio.Future[api.PubAck]) -> Outcome:
    """What the answer, or its absence, means."""
    if not future.done() or future.cancelled():
        return PublishUnknown(f"no acknowledgement for {message.subject}")
    error = future.exception()
    if error is None:
        ack = future.result()
        return Ack(ack.stream, ack.seq, bool(ack.duplicate))
    if isinstance(error, NoStreamResponseError):
        return _NoStream(f"no stream takes {message.subject}")
    if isinstance(error, APIError):
        if error.err_code == STORE_FAILED and STILL_THERE in (error.description or ""):
            return AlreadyThere(message.subject)
        if error.code == 503:
            return _NoStream(f"JetStream is not ready: {error.description}")
        return PublishRefused(f"{message.subject}: {error.description} ({error.err_code})")
    return PublishUnknown(f"{message.subject}: {error}")
