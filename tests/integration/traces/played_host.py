"""A host that is played over NATS: it claims and reports, and passes traces on, without a sandbox."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self
from uuid import uuid4

from airlock_chassis.bus import (
    AckTable,
    Bus,
    Consumer,
    DeadLetters,
    EachMessage,
    Layout,
    Message,
    Publisher,
    Request,
    Streams,
)
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import (
    AttemptId,
    CancelBroadcast,
    ClaimRequest,
    ImageReply,
    Invocation,
    Report,
    ReportStatus,
)
from airlock_contracts.subjects import Subjects

HOST = "played"
FAILURE = Failure(kind=FailureKind.AGENT, code="agent.error", message="told to", retryable=True)


class PlayedHost:
    """Does what an input's text says: `echo`, `flaky` (fails once), `break`, `silent` (once), `hold`."""

    def __init__(self, bus: Bus, prefix: str) -> None:
        self._bus = bus
        self._subjects = Subjects(prefix)
        self._layout = Layout(self._subjects)
        self._streams = Streams(bus, self._layout.streams)
        self._publisher = Publisher(bus, self._streams)
        self._stop = asyncio.Event()
        self._consuming: asyncio.Task[None] | None = None
        self._cancelled: set[str] = set()
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._bus.respond(self._subjects.image, self._image)
        await self._bus.subscribe(self._subjects.cancel, self._cancel)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        if self._consuming is not None:
            await self._consuming

    async def begin(self) -> None:
        """Take invocations from now on."""
        spec = self._layout.pool_consumer("default")
        await self._streams.declare(spec)
        acks = AckTable(DeadLetters(self._publisher, self._subjects))
        consumer = Consumer(self._bus, self._streams, spec, EachMessage(self._handle), acks)
        self._consuming = asyncio.create_task(consumer.run(self._stop))

    async def _image(self, _: Request) -> bytes:
        return ImageReply(digest="sha256:" + "1" * 64).encode()

    async def _cancel(self, message: Any) -> None:
        told, _ = CancelBroadcast.decode(message.payload)
        self._cancelled.update(str(attempt) for attempt in told.attempts)
        self._news.set()

    async def _handle(self, message: Message) -> None:
        invocation, body = Invocation.decode(message.payload)
        how: str = json.loads(body)["text"]
        attempt = invocation.attempt
        headers = {"traceparent": message.headers["traceparent"]}
        token = uuid4().hex
        if invocation.claim_first or how in ("silent", "hold"):
            asked = ClaimRequest(attempt=attempt, host=HOST, token=token)
            await self._bus.request(self._subjects.claim, asked.encode(), timeout=10, headers=headers)
        if how == "silent" and attempt.number == 1:
            return
        if how == "hold":
            while str(attempt) not in self._cancelled:
                self._news.clear()
                await self._news.wait()
        report = Report(attempt=attempt, host=HOST, token=token, **self._end(how, attempt))
        output = b'{"words": 1}' if how == "break" else json.dumps({"text": "echo"}).encode()
        await self._publisher.publish(
            self._subjects.report(0, HOST),
            report.encode(output if report.status is ReportStatus.SUCCESS else b""),
            msg_id=f"{attempt}/{token}",
            headers=headers,
        )

    def _end(self, how: str, attempt: AttemptId) -> dict[str, Any]:
        if how == "hold":
            failure = Failure(kind=FailureKind.CANCELLED, code="cancelled", message="it was cancelled")
            return {"status": ReportStatus.CANCELLED, "failure": failure}
        if how == "flaky" and attempt.number == 1:
            return {"status": ReportStatus.FAILED, "failure": FAILURE}
        return {"status": ReportStatus.SUCCESS}
