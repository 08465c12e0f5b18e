"""What this host holds: attempts that run, and reports that nobody has called settled yet."""

import asyncio
import time
from dataclasses import dataclass, field

from airlock_chassis.bus import Message
from airlock_contracts.messages import AttemptId, HeldAttempt

from .attempt import Attempt

MAX_HELD = 512
"""As many as one heartbeat can name; it bounds the spool as well. Nothing new is pulled beyond it."""
CROWDED = 128
"""So many reports that wait are a reason to ask before it is time."""


@dataclass(slots=True, eq=False)
class KeptReport:
    """A report until a heartbeat's answer says that it is settled."""

    attempt: AttemptId
    token: str
    payload: bytes
    messages: list[Message] = field(default_factory=list)
    """Its invocation's deliveries that are acked once the report is safe in REPORTS."""
    traceparent: str | None = None
    agent: str | None = None
    """`name@version`, for the log; a report from the disk does not say."""
    published_at: float | None = None
    """By the monotonic clock; None until the stream has taken it for the first time."""

    @property
    def msg_id(self) -> str:
        """Lets the stream swallow a repetition."""
        return f"{self.attempt}/{self.token}"

    def held(self) -> HeldAttempt:
        """For a heartbeat."""
        return HeldAttempt(attempt=self.attempt, token=self.token, reporting=True)


class Holdings:
    """Attempts and reports by `run/node/number`: of one attempt there is one of the two at most."""

    def __init__(self) -> None:
        self.running: dict[str, Attempt] = {}
        self.reports: dict[str, KeptReport] = {}
        self.crowded = asyncio.Event()
        """Set while many reports wait to be settled."""

    def begin(self, attempt: Attempt) -> None:
        """An attempt's pipeline begins."""
        self.running[attempt.id] = attempt

    def end(self, attempt: Attempt) -> None:
        """An attempt's pipeline is over."""
        if self.running.get(attempt.id) is attempt:
            del self.running[attempt.id]

    def keep(self, report: KeptReport) -> None:
        """A report takes the place of its attempt."""
        self.running.pop(str(report.attempt), None)
        self.reports[str(report.attempt)] = report
        if len(self.reports) >= CROWDED:
            self.crowded.set()

    def forget(self, attempt: str) -> None:
        """A report is settled."""
        self.reports.pop(attempt, None)
        if len(self.reports) < CROWDED:
            self.crowded.clear()

    def room(self) -> int:
        """How many more attempts can be named in a heartbeat."""
        return MAX_HELD - len(self.running) - len(self.reports)

    def held(self) -> list[HeldAttempt]:
        """Everything, for a heartbeat."""
        reports = [report.held() for report in self.reports.values()]
        return (reports + [attempt.held() for attempt in self.running.values()])[:MAX_HELD]

    def lapsed(self, now: float | None = None) -> list[Attempt]:
        """Attempts whose lease is over by our own clock and that must not go on without one."""
        at = time.monotonic() if now is None else now
        return [
            attempt
            for attempt in self.running.values()
            if attempt.external and attempt.lease_until is not None and attempt.lease_until <= at
        ]
