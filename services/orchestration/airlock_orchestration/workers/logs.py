"""Hears what agents say, from hosts over core NATS, and keeps it in batches beside the door.

No timer: while one batch is being written the next lines collect. What cannot be written is lost, and
counted: nobody waits for a log.
"""

import asyncio
from collections import deque

from airlock_chassis.bus import Bus, BusError, Request
from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.logs import get_logger
from airlock_contracts.logs import AgentLog
from airlock_contracts.messages import Bell, MalformedMessage
from airlock_contracts.subjects import Subjects

from ..errors import StoreUnavailable
from ..operations.bells import Bells
from ..operations.logs import keep, size_of
from ..store.sessions import Sessions

QUEUE = "orchestration"
MAX_WAITING_BYTES = 32 * 1024 * 1024
"""Of messages that wait to be written; what comes beyond that is lost."""
MAX_BATCH_BYTES = 1024 * 1024
MAX_BATCH_LINES = 5_000

log = get_logger(__name__)


class LogsWorker:
    """Listens to all hosts, in one queue with the other replicas."""

    def __init__(self, bus: Bus, subjects: Subjects, sessions: Sessions, bells: Bells) -> None:
        self._bus = bus
        self._subjects = subjects
        self._sessions = sessions
        self._bells = bells
        self._waiting: deque[tuple[AgentLog, int]] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Hear and keep until `stop` is set; then what has arrived."""
        heard = await self._bus.subscribe(self._subjects.all_logs, self._hear, queue=QUEUE)
        stopping = asyncio.create_task(self._wake_at(stop))
        try:
            while not stop.is_set():
                await self._arrived.wait()
                self._arrived.clear()
                await self._write_all()
        finally:
            stopping.cancel()
            await heard.close()
        await self._write_all()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._arrived.set()

    async def _hear(self, request: Request) -> None:
        try:
            said, _ = AgentLog.decode(request.payload)
        except MalformedMessage as error:
            log.warning("logs.malformed", subject=request.subject, reason=str(error)[:1000])
            return
        size = len(request.payload)
        if self._waiting_bytes + size > MAX_WAITING_BYTES:
            self._lose([said], "too much waits to be written")
            return
        self._waiting.append((said, size))
        self._waiting_bytes += size
        self._arrived.set()

    async def _write_all(self) -> None:
        while self._waiting:
            batch = self._take()
            try:
                kept = await keep(self._sessions, batch)
            except StoreUnavailable as error:
                self._lose(batch, str(error))
                continue
            except Exception as error:  # of one batch; the next may be well
                log.exception("logs.failed", messages=len(batch))
                self._lose(batch, f"{type(error).__name__}; the log has it whole")
                continue
            metrics.agent_log_lines_total.labels(outcome="kept").inc(kept.lines)
            if kept.refused:
                metrics.agent_log_lines_total.labels(outcome="refused").inc(kept.refused)
                log.debug("logs.refused", lines=kept.refused)
            for project, runs in kept.runs.items():
                await self._ring(project, runs)

    def _take(self) -> list[AgentLog]:
        """The next messages, as many as fit into one statement; one at least."""
        batch: list[AgentLog] = []
        size = lines = 0
        while self._waiting:
            said, said_size = self._waiting[0]
            if batch and (size + said_size > MAX_BATCH_BYTES or lines + len(said.lines) > MAX_BATCH_LINES):
                break
            self._waiting.popleft()
            batch.append(said)
            size += said_size
            lines += len(said.lines)
        self._waiting_bytes -= size
        return batch

    def _lose(self, batch: list[AgentLog], reason: str) -> None:
        lines = size_of(batch)
        metrics.agent_log_lines_total.labels(outcome="lost").inc(lines)
        log.warning("logs.lost", lines=lines, reason=reason)

    async def _ring(self, project: str, runs: list[str]) -> None:
        self._bells.ring_logs(runs)
        try:
            await self._bus.publish(self._subjects.bell(project), Bell(runs=[], logs=sorted(runs)).encode())
        except BusError as error:
            log.debug("logs.not_rung", reason=str(error))  # followers elsewhere look by themselves
