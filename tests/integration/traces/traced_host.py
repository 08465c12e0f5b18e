"""A host that is played over NATS: it claims and reports, and passes traces on, without a sandbox."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self
from uuid import uuid4

from airlock_chassis.bus import Bus, Request
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import (
    AttemptId,
    CancelBroadcast,
    Invocation,
    Report,
    ReportStatus,
)
from played_host import PlayedHost

FAILURE = Failure(kind=FailureKind.AGENT, code="agent.error", message="told to", retryable=True)


class TracedHost(PlayedHost):
    """Does what an input's text says: `echo`, `flaky` (fails once), `break`, `silent` (once), `hold`."""

    def __init__(self, bus: Bus, prefix: str) -> None:
        super().__init__(bus, prefix, "played")
        self._cancelled: set[str] = set()
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.bus.subscribe(self.subjects.cancel, self._cancel)
        return await super().__aenter__()

    async def play(self, invocation: Invocation, body: bytes, headers: dict[str, str]) -> None:
        how: str = json.loads(body)["text"]
        attempt = invocation.attempt
        token = uuid4().hex
        if invocation.claim_first or how in ("silent", "hold"):
            await self.claim(attempt, token, headers)
        if how == "silent" and attempt.number == 1:
            return
        if how == "hold":
            while str(attempt) not in self._cancelled:
                self._news.clear()
                await self._news.wait()
        report = Report(attempt=attempt, host=self.name, token=token, **self._end(how, attempt))
        output = b'{"words": 1}' if how == "break" else json.dumps({"text": "echo"}).encode()
        if report.status is not ReportStatus.SUCCESS:
            output = b""
        await self.report(report, output, f"{attempt}/{token}", headers)

    async def _cancel(self, message: Request) -> None:
        told, _ = CancelBroadcast.decode(message.payload)
        self._cancelled.update(str(attempt) for attempt in told.attempts)
        self._news.set()

    def _end(self, how: str, attempt: AttemptId) -> dict[str, Any]:
        if how == "hold":
            failure = Failure(kind=FailureKind.CANCELLED, code="cancelled", message="it was cancelled")
            return {"status": ReportStatus.CANCELLED, "failure": failure}
        if how == "flaky" and attempt.number == 1:
            return {"status": ReportStatus.FAILED, "failure": FAILURE}
        return {"status": ReportStatus.SUCCESS}
