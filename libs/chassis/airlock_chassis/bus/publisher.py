"""Publishing into streams, many at once, each with an answer."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from ..telemetry.logs import get_logger
from .answers import ACK_SECONDS, Answer, Answers, NobodyThere, NotStored, Stored
from .connection import Bus
from .errors import BusError, LayoutMismatch, NoAnswer, PublishRefused, PublishUnknown
from .options import Headers
from .streams import Streams

log = get_logger(__name__)

MAX_BATCH = 1024
"""Messages sent before the first answers are awaited; a longer list goes in pieces."""
MESSAGE_ID = "Nats-Msg-Id"
STILL_THERE = "maximum messages per subject"
"""Error 10077 says only that a message was not stored; its text says why."""
NOT_READY = frozenset({10008, 10039, 10076})
"""JetStream not available, not enabled for the account, not enabled."""


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
        self._answers = Answers(bus)
        self._streams = streams
        self._ack_seconds = ack_seconds

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
        sent: list[asyncio.Future[Answer] | Outcome] = []
        try:
            for message in messages:
                sent.append(await self._start(message))  # noqa: PERF401 - what began is cancelled below
            waiting = [future for future in sent if isinstance(future, asyncio.Future)]
            if waiting:
                await asyncio.wait(waiting, timeout=self._ack_seconds)
        finally:
            for future in sent:  # an answer that comes later finds nobody
                if isinstance(future, asyncio.Future):
                    future.cancel()
        return [
            _outcome(message.subject, future) if isinstance(future, asyncio.Future) else future
            for message, future in zip(messages, sent, strict=True)
        ]

    async def _start(self, message: Outgoing) -> asyncio.Future[Answer] | Outcome:
        headers = dict(message.headers or {})
        if message.msg_id is not None:
            headers[MESSAGE_ID] = message.msg_id
        try:
            return await self._answers.send(message.subject, message.payload, headers or None)
        except PublishRefused as refused:
            return refused
        except BusError as error:
            return PublishUnknown(f"{message.subject} was not sent: {error}")


class _NoStream(PublishUnknown):
    """Nobody listens on the subject."""


def _outcome(subject: str, future: asyncio.Future[Answer]) -> Outcome:
    """What the answer, or its absence, means."""
    if future.cancelled():
        return PublishUnknown(f"no acknowledgement for {subject}")
    match future.result():
        case Stored(stream, sequence, duplicate):
            return Ack(stream, sequence, duplicate)
        case NobodyThere():
            return _NoStream(f"no stream takes {subject}")
        case NotStored(error=10077, text=text) if STILL_THERE in text:
            return AlreadyThere(subject)
        case NotStored(error=error, text=text) if error in NOT_READY:
            return _NoStream(f"JetStream is not ready: {text} ({error})")
        case NotStored(error=error, text=text):
            return PublishRefused(f"{subject}: {text} ({error})")
        case unknown:
            assert_never(unknown)
