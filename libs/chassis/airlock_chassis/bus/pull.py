"""One pull subscription: one request at a time, each message handed over the moment it arrives.

nats-py's own `fetch` waits until a batch is full or the time is over; work that could start would wait.
So the request is sent here (JetStream wire protocol: `$JS.API.CONSUMER.MSG.NEXT.<stream>.<consumer>`).
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Self

from nats.aio.msg import Msg

from ..waiting import set_within
from .connection import Bus, Subscription
from .message import Message
from .streams import ConsumerSpec

FETCH_SECONDS = 5.0
"""How long the server keeps one request; never more, so that a request lost on the way costs little."""
SLACK_SECONDS = 0.5

NO_MESSAGES, REQUEST_TIMEOUT, CONFLICT, NO_RESPONDERS = "404", "408", "409", "503"


class Gone(Exception):
    """The consumer or its stream does not exist, or nobody answers for it."""


class Deaf(Exception):
    """A request stayed without any word from the server for twice its time."""


class Moved(Exception):
    """The connection is another one now: requests of the old one are forgotten."""


class Pull:
    """A request for messages and what arrived for it. Made anew after every trouble."""

    def __init__(self, bus: Bus, spec: ConsumerSpec, poke: Callable[[], None], fetch_seconds: float) -> None:
        self.asked = 0
        """Messages the server still owes to the request."""
        self.arrived: deque[Message] = deque()
        self._bus = bus
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{spec.stream}.{spec.name}"
        self._inbox = bus.new_inbox()
        self._poke = poke
        self._fetch_seconds = fetch_seconds
        self._heard_at = time.monotonic()
        self._generation = bus.reconnects
        self._trouble: Exception | None = None
        self._pause_until = 0.0
        self._subscription: Subscription | None = None

    @classmethod
    async def open(cls, bus: Bus, spec: ConsumerSpec, poke: Callable[[], None], fetch_seconds: float) -> Self:
        """Subscribe to a fresh inbox."""
        pull = cls(bus, spec, poke, fetch_seconds)
        pull._subscription = await bus.subscribe_raw(pull._inbox, pull._receive)
        return pull

    async def close(self) -> list[Message]:
        """End the request at the server; returns what had arrived and was not taken."""
        if self._subscription is not None:
            await self._subscription.close()
        return self.take()

    def take(self) -> list[Message]:
        """All that has arrived."""
        taken = list(self.arrived)
        self.arrived.clear()
        return taken

    @property
    def may_ask(self) -> bool:
        """Whether the last request is over."""
        return self.asked == 0 and self._bus.connected and time.monotonic() >= self._pause_until

    async def ask(self, messages: int) -> None:
        """Send a request for that many messages."""
        self.asked = messages
        self._heard_at = time.monotonic()
        request = {"batch": messages, "expires": int((self._fetch_seconds - 0.1) * 1e9)}
        await self._bus.publish(self._next, json.dumps(request).encode(), reply=self._inbox)

    def check(self) -> None:
        """Raise Moved, Gone or Deaf when this pull is of no more use."""
        if self._trouble is not None:
            raise self._trouble
        if self._generation != self._bus.reconnects:
            raise Moved("reconnected")
        silent = time.monotonic() - self._heard_at
        if self.asked and self._bus.connected and silent > 2 * self._fetch_seconds:
            raise Deaf(f"no word for {silent:.1f} s")

    def patience(self) -> float:
        """Seconds until `check` should be called again though nothing happened."""
        now = time.monotonic()
        if self._pause_until > now:
            return self._pause_until - now
        return (
            max(0.05, 2 * self._fetch_seconds + SLACK_SECONDS - (now - self._heard_at)) if self.asked else 1.0
        )

    async def _receive(self, message: Msg) -> None:
        self._heard_at = time.monotonic()
        delivered = Message.read(self._bus, message)
        if delivered is not None:
            self.asked = max(0, self.asked - 1)
            self.arrived.append(delivered)
        else:
            self._note_status(message)
        self._poke()

    def _note_status(self, message: Msg) -> None:
        """The request is over. ADR-37 lists the words."""
        headers = message.headers or {}
        status = headers.get("Status", "")
        description = headers.get("Description", "").lower()
        self.asked = 0
        if status == NO_RESPONDERS:
            self._trouble = Gone("nobody answers for the consumer")
        elif status == CONFLICT and "deleted" in description:
            self._trouble = Gone(description)
        elif status == CONFLICT:  # leadership change, server shutdown, too many waiting or pending
            self._pause_until = time.monotonic() + 0.25
        elif status not in (NO_MESSAGES, REQUEST_TIMEOUT):
            self._trouble = Gone(f"{status} {description}")


async def wait_poked(poked: asyncio.Event, seconds: float) -> None:
    """Wait for a poke, for a bounded time, and take it."""
    try:
        await set_within(poked, seconds)
    finally:
        poked.clear()
