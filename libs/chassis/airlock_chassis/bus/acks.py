"""The ack table: what becomes of a message after its handler returned or raised, decided here alone.

| the handler                      | verdict                                                        |
|----------------------------------|----------------------------------------------------------------|
| returned (handled, stale, again) | ack                                                            |
| raised Permanent (unparsable)    | dead letter with the cause, then term                          |
| raised Later (store unavailable) | nak with its delay, not counted                                |
| raised ShuttingDown, was cancelled | nak now, not counted                                         |
| raised anything else             | log whole, nak with a growing delay; the 20th time dead letter |

Tries are counted here, in memory: the server's own count starts anew after its crash.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from airlock_contracts.messages import MalformedMessage

from ..telemetry.logs import bind, get_logger
from ..telemetry.traces import TRACEPARENT, trace_id
from .dead_letters import DeadLetters
from .errors import BusError
from .message import Message, MessageKey

log = get_logger(__name__)

MAX_TRIES = 20
FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 60.0
MAX_REMEMBERED = 10_000
"""Messages whose tries are counted at once; the one that failed longest ago is forgotten first."""
DEAD_LETTER_RETRY_SECONDS = 5.0


class Permanent(Exception):
    """This message can never be handled, and why."""


class Later(Exception):
    """What handling needs is away; try again after `delay` seconds."""

    def __init__(self, delay: float = 1.0, reason: str = "") -> None:
        super().__init__(reason or f"again in {delay:g} s")
        self.delay = delay


class ShuttingDown(Exception):
    """This process takes no more work; another may."""


@dataclass(frozen=True, slots=True)
class Acked:
    """It was handled."""


@dataclass(frozen=True, slots=True)
class Returned:
    """It comes again after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Buried:
    """It goes to the dead letters with its cause."""

    cause: str


Verdict = Acked | Returned | Buried


def judge(error: BaseException | None, tries: int) -> Verdict:
    """The table. `tries` counts this one, for errors that nobody foresaw."""
    match error:
        case None:
            return Acked()
        case Permanent() | MalformedMessage():
            return Buried(str(error))
        case Later():
            return Returned(max(0.0, error.delay))
        case ShuttingDown():
            return Returned(0.0)
        case _ if tries >= MAX_TRIES:
            return Buried(f"failed {tries} times, the last time with {type(error).__name__}: {error}")
        case _:
            return Returned(min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (tries - 1)))


def is_surprise(error: BaseException | None) -> bool:
    """Whether this is an error that the table has no row of its own for."""
    return error is not None and not isinstance(error, Permanent | MalformedMessage | Later | ShuttingDown)


About = Callable[[Message], Mapping[str, str | int]]
"""Which ids a message is about, for the log's lines; it is asked only when something went wrong."""


def nothing_more(_: Message) -> Mapping[str, str | int]:
    """The message's subject and trace say it all."""
    return {}


class AckTable:
    """Settles messages by the table and counts their tries."""

    def __init__(self, dead_letters: DeadLetters, *, about: About = nothing_more) -> None:
        self._dead_letters = dead_letters
        self._about = about
        self._tries: OrderedDict[MessageKey, int] = OrderedDict()

    async def settle(self, message: Message, error: BaseException | None) -> None:
        """Ack, nak or bury the message. Never raises for a bus that is away: then it is delivered again."""
        ids = self._about(message) if error is not None else {}
        with bind(trace_id=trace_id(message.headers.get(TRACEPARENT)), **ids):
            await self._settle(message, error)

    async def _settle(self, message: Message, error: BaseException | None) -> None:
        tries = self._count(message, error)
        verdict = judge(error, tries)
        try:
            match verdict:
                case Acked():
                    await message.ack()
                case Returned(delay):
                    await message.nak(delay)
                case Buried(cause):
                    await self._bury(message, cause)
                case _:
                    assert_never(verdict)
        except BusError as away:
            log.warning("message.not_settled", subject=message.subject, reason=str(away))
            return
        if not isinstance(verdict, Returned):
            self._tries.pop(message.key, None)

    def _count(self, message: Message, error: BaseException | None) -> int:
        if not is_surprise(error):
            return self._tries.get(message.key, 0)
        tries = self._tries.get(message.key, 0) + 1
        self._tries[message.key] = tries
        self._tries.move_to_end(message.key)
        if len(self._tries) > MAX_REMEMBERED:
            self._tries.popitem(last=False)
        log.error(
            "message.failed",
            subject=message.subject,
            sequence=message.sequence,
            tries=tries,
            deliveries=message.deliveries,
            exc_info=error,
        )
        return tries

    async def _bury(self, message: Message, cause: str) -> None:
        """Nothing is given up before its dead letter is stored."""
        if message.settled:
            return
        if await self._dead_letters.write(message, cause):
            await message.term(cause)
        else:
            await message.nak(DEAD_LETTER_RETRY_SECONDS)
