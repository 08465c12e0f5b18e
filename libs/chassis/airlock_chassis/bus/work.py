"""How messages reach a handler: one task each, or in batches. Both settle by the ack table."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ..telemetry.logs import get_logger
from .acks import AckTable, Later, ShuttingDown
from .message import Message

log = get_logger(__name__)

Handler = Callable[[Message], Awaitable[None]]
BatchHandler = Callable[[Sequence[Message]], Awaitable[Sequence[Exception | None] | None]]
"""Handles a batch; None means all were handled, otherwise one entry per message: None or its error."""


class Work(Protocol):
    """Takes messages and sees to it that each is settled."""

    def room(self) -> int:
        """How many more messages it takes now."""

    def start(self, group: asyncio.TaskGroup, acks: AckTable, freed: Callable[[], None]) -> None:
        """Own tasks go into `group`; `freed` is called when there is room again."""

    def take(self, message: Message) -> None:
        """Begin with a message. Does not wait."""


class EachMessage:
    """A task per message, at most `max_in_flight` at once.

    With `settles_itself` the handler acks at its own moment and a return leaves the message as it is;
    an error that it raises before that goes by the table.
    """

    def __init__(self, handler: Handler, *, max_in_flight: int = 256, settles_itself: bool = False) -> None:
        self._handler = handler
        self._max_in_flight = max_in_flight
        self._settles_itself = settles_itself
        self._running = 0
        self._waiting = 0
        self._group: asyncio.TaskGroup | None = None
        self._acks: AckTable | None = None
        self._freed: Callable[[], None] = _nothing

    def start(self, group: asyncio.TaskGroup, acks: AckTable, freed: Callable[[], None]) -> None:
        """See Work."""
        self._group, self._acks, self._freed = group, acks, freed

    def room(self) -> int:
        """See Work."""
        return self._max_in_flight - self._running

    @property
    def waiting(self) -> int:
        """Messages whose handler has not begun: a gate outside cannot know of them yet."""
        return self._waiting

    def take(self, message: Message) -> None:
        """See Work."""
        if self._group is None or self._acks is None:
            raise RuntimeError("start() comes first")
        self._running += 1
        self._waiting += 1
        self._group.create_task(self._one(message, self._acks))

    async def _one(self, message: Message, acks: AckTable) -> None:
        self._waiting -= 1
        error: BaseException | None = None
        try:
            await self._handler(message)
        except asyncio.CancelledError:
            await acks.settle(message, ShuttingDown())
            raise
        except Exception as raised:
            error = raised
        finally:
            self._running -= 1
            self._freed()
        if error is not None or not self._settles_itself:
            await acks.settle(message, error)


class InBatches:
    """What has arrived is handled together, at most `max_batch` messages; while `max_batches` batches run,
    the next messages collect. No timer: one message alone is a batch of one, at once."""

    def __init__(
        self, handler: BatchHandler, *, max_batch: int = 256, max_batches: int = 2, max_in_flight: int = 1024
    ) -> None:
        self._handler = handler
        self._max_batch = max_batch
        self._max_batches = max_batches
        self._max_in_flight = max_in_flight
        self._collected: deque[Message] = deque()
        self._held = 0
        self._batches = 0
        self._group: asyncio.TaskGroup | None = None
        self._acks: AckTable | None = None
        self._freed: Callable[[], None] = _nothing

    def start(self, group: asyncio.TaskGroup, acks: AckTable, freed: Callable[[], None]) -> None:
        """See Work."""
        self._group, self._acks, self._freed = group, acks, freed

    def room(self) -> int:
        """See Work."""
        return self._max_in_flight - self._held

    @property
    def waiting(self) -> int:
        """Messages that collect for the next batch."""
        return len(self._collected)

    def take(self, message: Message) -> None:
        """See Work."""
        if self._group is None or self._acks is None:
            raise RuntimeError("start() comes first")
        self._held += 1
        self._collected.append(message)
        if self._batches < self._max_batches:
            self._batches += 1
            self._group.create_task(self._run(self._acks))

    async def _run(self, acks: AckTable) -> None:
        try:
            while self._collected:
                size = min(self._max_batch, len(self._collected))
                await self._batch([self._collected.popleft() for _ in range(size)], acks)
        except asyncio.CancelledError:
            while self._collected:
                await acks.settle(self._collected.popleft(), ShuttingDown())
            raise
        finally:
            self._batches -= 1

    async def _batch(self, batch: list[Message], acks: AckTable) -> None:
        try:
            errors = await self._errors(batch)
            for message, error in zip(batch, errors, strict=True):
                await acks.settle(message, error)
        except asyncio.CancelledError:
            for message in batch:
                await acks.settle(message, ShuttingDown())
            raise
        finally:
            self._held -= len(batch)
            self._freed()

    async def _errors(self, batch: list[Message]) -> Sequence[Exception | None]:
        """One entry per message. A batch that fails for an unforeseen reason is tried one by one:
        a poisoned message must not take the others with it."""
        try:
            return await self._handler(batch) or [None] * len(batch)
        except (Later, ShuttingDown) as error:
            return [error] * len(batch)
        except Exception as error:
            if len(batch) == 1:
                return [error]
            log.warning("batch.failed", messages=len(batch), reason=repr(error))
        return [(await self._errors([message]))[0] for message in batch]


def _nothing() -> None:
    """Until `start`, nobody waits for room."""
