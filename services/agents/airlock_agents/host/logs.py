"""Sends what agents say to whoever follows their runs: numbered, bounded, masked, and never waited for.

An attempt's lines collect for 200 ms, or up to 64 KiB, and go out over core NATS without acknowledgement.
While NATS is away they are dropped and counted, and the next line that goes through says so. An agent that
says nothing costs nothing here.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from airlock_chassis.bus import Bus, BusError
from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.logs import bound_ids, get_logger
from airlock_chassis.telemetry.secrets import mask_text
from airlock_chassis.waiting import set_within
from airlock_contracts.logs import (
    MAX_ATTEMPT_BYTES,
    MAX_LINE_CHARACTERS,
    MAX_LINES,
    MAX_LINES_PER_MESSAGE,
    AgentLog,
    LogLevel,
    LogLine,
    LogStream,
)
from airlock_contracts.messages import AttemptId
from airlock_contracts.subjects import Subjects

from ..sandbox.neutral import neutral
from .carried import Carried
from .fields import shown_fields
from .stderr import StderrLines

log = get_logger(__name__)

COLLECT_SECONDS = 0.2
BATCH_BYTES = 64 * 1024
MESSAGE_BYTES = 256 * 1024
"""Of texts and fields in one message; spelled as JSON, with all around it, they stay below NATS' 1 MiB."""
PROGRESS_SHARE = 0.005
"""Between two lines of progress, of an attempt's age: some 1,200 lines in an hour, 900 more in a day."""
_LAST_LINES = 2
"""Line numbers kept for our own remarks: that lines were lost, and that no more are shown."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """This host's clock."""
    return datetime.now(UTC)


class Weighed(NamedTuple):
    """A line, and the bytes of its text and fields."""

    line: LogLine
    size: int


class Logs:
    """The logs of the attempts on this host that have something to send."""

    def __init__(
        self,
        bus: Bus,
        subjects: Subjects,
        *,
        host: str,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` dates the lines; `monotonic` paces progress, and no step of the clock moves it."""
        self._bus = bus
        self._subject = subjects.logs(host)
        self._host = host
        self._clock = clock
        self._monotonic = monotonic
        self._talking: set[AttemptLog] = set()
        self._talks = asyncio.Event()
        self._full = asyncio.Event()

    def of(self, attempt: AttemptId, token: str) -> "AttemptLog":
        """The log of one attempt, which is given up by `finish`."""
        return AttemptLog(self, attempt, token, self._clock, self._monotonic)

    async def run(self, stop: asyncio.Event) -> None:
        """Send what has collected, until `stop` is set."""
        stopping = asyncio.create_task(self._wake_at(stop))
        try:
            while not stop.is_set():
                await self._talks.wait()
                await set_within(self._full, COLLECT_SECONDS)
                await self.send_all()
        finally:
            stopping.cancel()

    async def send_all(self) -> None:
        """Send what every attempt has to say now."""
        self._talks.clear()
        self._full.clear()
        talking, self._talking = self._talking, set()
        for attempt_log in talking:
            await self.send(attempt_log)
            if attempt_log.waits:
                self.note(attempt_log, full=False)

    async def send(self, attempt_log: "AttemptLog") -> None:
        """Send what one attempt has to say now; what cannot be sent at once is lost. Raises nothing."""
        # What is published while the link is down waits in a buffer that claims and reports need.
        if not self._bus.connected:
            attempt_log.lose([line for line, _ in attempt_log.take()])
            return
        lost = attempt_log.lost
        remark = attempt_log.remark_losses()
        if remark and not await self._publish(attempt_log, remark):
            attempt_log.lost += lost  # beside what was lost meanwhile
        for part in _parts(attempt_log.take()):
            if not await self._publish(attempt_log, part):
                attempt_log.lose(part)

    async def _publish(self, attempt_log: "AttemptLog", lines: list[LogLine]) -> bool:
        message = AgentLog(attempt=attempt_log.attempt, host=self._host, token=attempt_log.token, lines=lines)
        try:
            await self._bus.publish(self._subject, message.encode())
        except BusError as error:
            log.warning("logs.lost", **attempt_log.ids, lines=len(lines), reason=str(error))
            return False
        return True

    def note(self, attempt_log: "AttemptLog", *, full: bool) -> None:
        """An attempt has something to send, at once where it has much."""
        self._talking.add(attempt_log)
        self._talks.set()
        if full:
            self._full.set()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._talks.set()
        self._full.set()


class AttemptLog:
    """What one attempt says, from its first line to its last."""

    def __init__(
        self, logs: Logs, attempt: AttemptId, token: str, clock: Clock, monotonic: Callable[[], float]
    ) -> None:
        self.attempt = attempt
        self.token = token
        self.ids = bound_ids()
        """Of the attempt, for lines about its log that are said elsewhere."""
        self.lost = 0
        """Lines that were dropped since the last that went out."""
        self._logs = logs
        self._clock = clock
        self._monotonic = monotonic
        self._pending: list[Weighed] = []
        self._pending_bytes = 0
        self._number = 0
        self._bytes = 0
        self._cut = False
        self._stderr = StderrLines(MAX_LINE_CHARACTERS)
        self._carried = Carried()
        self._began = monotonic()
        self._progress: tuple[str, float | None] | None = None
        """The newest that was not sent yet."""
        self._progress_at: float | None = None

    def log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """A log frame; its text is neutral already."""
        if not self._cut:  # or an agent could have us mask and spell what nobody is shown
            shown = shown_fields(fields)
            self._add(LogStream.LOG, LogLevel(level), message, fields=shown.fields, fields_size=shown.size)

    def progress(self, message: str, fraction: float | None) -> None:
        """A progress frame. The newest goes out, at most every 0.2 s and ever more seldom as time goes on:
        an agent that works for hours must not use up its log by saying how far it is.
        """
        self._progress = (message, fraction)
        self._say_progress()
        if self._progress is not None:
            self._logs.note(self, full=False)

    def _say_progress(self, *, now: bool = False) -> None:
        """Add the newest progress if it is time, or now."""
        if self._progress is None:
            return
        at = self._monotonic()
        pause = max(COLLECT_SECONDS, PROGRESS_SHARE * (at - self._began))
        if now or self._progress_at is None or at - self._progress_at >= pause:
            (message, fraction), self._progress = self._progress, None
            self._progress_at = at
            self._add(LogStream.PROGRESS, LogLevel.INFO, message, fraction=fraction)

    def stderr(self, data: bytes) -> None:
        """Bytes that the agent printed, in any portions."""
        for text in self._stderr.feed(data):
            self._add(LogStream.STDERR, LogLevel.INFO, text)

    async def finish(self) -> None:
        """Send the rest, also a last line without its end."""
        self._say_progress(now=True)
        if text := self._stderr.rest():
            self._add(LogStream.STDERR, LogLevel.INFO, text)
        await self.flush()

    async def flush(self) -> None:
        """Send now what is there."""
        if self._pending or self.lost:
            await self._logs.send(self)

    def take(self) -> list[Weighed]:
        """What is to be sent now; it is this log's no more."""
        self._say_progress()
        lines, self._pending, self._pending_bytes = self._pending, [], 0
        return lines

    @property
    def waits(self) -> bool:
        """Whether there is progress that is to be sent later."""
        return self._progress is not None

    def lose(self, lines: list[LogLine]) -> None:
        """These could not be sent."""
        count = sum(line.stream is not LogStream.AIRLOCK for line in lines)
        self.lost += count
        metrics.agent_log_lines_total.labels(outcome="lost").inc(count)

    def remark_losses(self) -> list[LogLine]:
        """What is said about lines that could not be sent, once."""
        if not self.lost or self._number >= (MAX_LINES if self._cut else MAX_LINES - 1):
            return []
        lost, self.lost = self.lost, 0
        plural = "line" if lost == 1 else "lines"
        return [self._remark(f"{lost} {plural} lost before this: the host could not send them")]

    def _add(
        self, stream: LogStream, level: LogLevel, message: str, *, fields_size: int = 0, **more: Any
    ) -> None:
        if self._cut:
            return
        masked = neutral(mask_text(message), MAX_LINE_CHARACTERS)
        line = LogLine(
            number=self._number + 1, at=self._clock(), stream=stream, level=level, message=masked, **more
        )
        size = len(masked.encode()) + fields_size
        if line.number > MAX_LINES - _LAST_LINES or self._bytes + size > MAX_ATTEMPT_BYTES:
            self._cut = True
            line = self._remark(
                f"an attempt's log ends at {MAX_LINES - _LAST_LINES} lines or {MAX_ATTEMPT_BYTES} bytes: "
                "what follows is not shown"
            )
        else:
            self._number += 1
        self._bytes += size
        self._pending_bytes += size
        self._pending.append(Weighed(line, size))
        self._carried.add(line, size)
        self._logs.note(self, full=self._pending_bytes >= BATCH_BYTES)

    def _remark(self, message: str) -> LogLine:
        self._number += 1
        return LogLine(
            number=self._number,
            at=self._clock(),
            stream=LogStream.AIRLOCK,
            level=LogLevel.WARNING,
            message=message,
        )


def _parts(lines: list[Weighed]) -> Iterator[list[LogLine]]:
    """The lines in messages that NATS takes."""
    part: list[LogLine] = []
    total = 0
    for line, size in lines:
        total += size
        if part and (total > MESSAGE_BYTES or len(part) == MAX_LINES_PER_MESSAGE):
            yield part
            part, total = [], size
        part.append(line)
    if part:
        yield part
