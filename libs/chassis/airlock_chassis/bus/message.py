"""A message of a stream, as its handler sees it."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from nats.aio.msg import Msg

from .connection import Bus

ACK = b"+ACK"
NAK = b"-NAK"
PROGRESS = b"+WPI"
TERM = b"+TERM"

# $JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<cseq>.<time>.<pending>, or, with a domain and an
# account's hash before the stream, at least 11 tokens (JetStream wire protocol, ADR-15).
_SHORT, _LONG = 9, 11


class MessageKey(NamedTuple):
    """Names one stored message; a stream made anew counts from 1 again, so the time belongs to it."""

    stream: str
    sequence: int
    stored_at_ns: int


class Message:
    """Payload, headers and place of one delivery; and the words that settle it.

    Settling twice does nothing. A settling word that the server never hears is a redelivery after
    `ack_wait`: every handler expects that. A word about a message of a stream that was lost and made anew
    may settle another of the same number: messages are hints, and what they hint at is owed elsewhere.
    """

    __slots__ = (
        "_bus",
        "_reply",
        "consumer",
        "deliveries",
        "headers",
        "key",
        "payload",
        "settled",
        "subject",
    )

    def __init__(self, bus: Bus, message: Msg) -> None:
        tokens = message.reply.split(".")
        if len(tokens) >= _LONG:
            tokens = tokens[:2] + tokens[4:]
        self._bus = bus
        self._reply = message.reply
        self.subject: str = message.subject
        self.payload: bytes = message.data
        self.headers: Mapping[str, str] = message.headers or {}
        self.consumer = tokens[3]
        self.deliveries = int(tokens[4])
        """A hint at most: after a crash of the server it may start again."""
        self.key = MessageKey(tokens[2], int(tokens[5]), int(tokens[7]))
        self.settled = False

    @classmethod
    def read(cls, bus: Bus, message: Msg) -> Self | None:
        """The message, or None for one that JetStream did not deliver from a stream."""
        tokens = message.reply.count(".") + 1
        if not message.reply.startswith("$JS.ACK.") or not (tokens == _SHORT or tokens >= _LONG):
            return None
        return cls(bus, message)

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self.key.stream

    @property
    def sequence(self) -> int:
        """The message's number in its stream."""
        return self.key.sequence

    async def ack(self) -> None:
        """It was handled: the stream may forget it."""
        await self._settle(ACK)

    async def ack_sync(self, timeout: float = 2.0) -> None:
        """As `ack`, and wait until the server says that it heard. Raises NoAnswer."""
        if not self.settled:
            await self._bus.request(self._reply, ACK, timeout=timeout)
            self.settled = True

    async def nak(self, delay: float = 0.0) -> None:
        """Hand it back, to be delivered again at once or after `delay` seconds."""
        word = NAK if delay <= 0 else NAK + b' {"delay":%d}' % int(delay * 1e9)
        await self._settle(word)

    async def term(self, reason: str = "") -> None:
        """Never deliver it again. `reason` stands in the server's advisory."""
        text = " ".join(reason.split())[:200].encode("utf-8", "backslashreplace")
        await self._settle(TERM + b" " + text if text else TERM)

    async def in_progress(self) -> None:
        """It is still being worked on: `ack_wait` starts anew."""
        if not self.settled:
            await self._bus.publish(self._reply, PROGRESS)

    async def _settle(self, word: bytes) -> None:
        if not self.settled:
            await self._bus.publish(self._reply, word)
            self.settled = True
