"""A host without Docker: it takes invocations from NATS, and plays them by the names of their nodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

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
    ClaimReply,
    ClaimRequest,
    HeartbeatRequest,
    ImageReply,
    Invocation,
    Report,
    ReportStatus,
    Usage,
)
from airlock_contracts.subjects import Subjects

TOKEN = "token-0123456789abcdef"
USAGE = Usage(queued_ms=5, start_ms=250, run_ms=1750, cpu_ms=500, peak_memory_bytes=2**25)


class NatsHost:
    """Whatever it reports it reports twice: what is counted must not depend on how often it hears."""

    def __init__(self, bus: Bus, prefix: str) -> None:
        self._bus = bus
        self.subjects = Subjects(prefix)
        self.layout = Layout(self.subjects)
        self._streams = Streams(bus, self.layout.streams)
        self._publisher = Publisher(bus, self._streams)

    async def run(self, stop: asyncio.Event) -> None:
        """Answer for images, and play what comes to the pool `default`."""
        await self._bus.respond(self.subjects.image, self._image)
        consumer = Consumer(
            self._bus,
            self._streams,
            self.layout.pool_consumer("default"),
            EachMessage(self._play),
            AckTable(DeadLetters(self._publisher, self.subjects)),
        )
        await self._streams.declare(self.layout.pool_consumer("default"), self.layout.pool_consumer("idle"))
        await consumer.run(stop)

    async def beat(self, host: str, pool: str, *, slots: int, busy: int, draining: bool = False) -> None:
        """Say how a host is."""
        beat = HeartbeatRequest(
            host=host,
            boot="1",
            pool=pool,
            version="0",
            slots=slots,
            busy=busy,
            memory_mb=1024,
            draining=draining,
        )
        await self._bus.request(self.subjects.heartbeat, beat.encode(), timeout=10)

    async def mumble(self) -> None:
        """Publish a report that is none."""
        await self._publisher.publish(self.subjects.report(0, "host-1"), b"mumble", msg_id="mumble")

    async def _image(self, request: Request) -> bytes:
        return ImageReply(digest="sha256:" + "1" * 64).encode()

    async def _play(self, message: Message) -> None:
        asked, body = Invocation.decode(message.payload)
        held = asked.attempt.node == "held" and asked.attempt.number == 1
        if asked.claim_first or held:
            claim = ClaimRequest(attempt=asked.attempt, host="host-1", token=TOKEN)
            ClaimReply.decode(await self._bus.request(self.subjects.claim, claim.encode(), timeout=10))
        if not held:  # else it is never heard of again
            await self._report(asked.attempt, body)

    async def _report(self, attempt: AttemptId, body: bytes) -> None:
        told: dict[str, Any] = {"attempt": attempt, "host": "host-1", "token": TOKEN, "usage": USAGE}
        told["status"] = ReportStatus.SUCCESS
        if attempt.node == "fails" and attempt.number == 1:
            body = b""
            told["status"] = ReportStatus.FAILED
            told["failure"] = Failure(
                kind=FailureKind.AGENT, code="tool.broke", message="it was told to", retryable=True
            )
        elif attempt.node == "lies":
            body = json.dumps({"text": 7}).encode()
        payload = Report(**told).encode(body)
        for number in range(2):
            subject = self.subjects.report(0, "host-1")
            await self._publisher.publish(subject, payload, msg_id=f"{attempt}/{number}")


@asynccontextmanager
async def nats_host(url: str, prefix: str) -> AsyncIterator[NatsHost]:
    """A host that plays until the end."""
    async with await Bus.connect(url, name="host") as bus:
        host, stop = NatsHost(bus, prefix), asyncio.Event()
        playing = asyncio.create_task(host.run(stop))
        try:
            yield host
        finally:
            stop.set()
            await playing
