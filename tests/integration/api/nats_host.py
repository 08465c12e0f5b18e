"""A host that is played over NATS by the names of nodes, and what hosts say of themselves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from airlock_chassis.bus import Bus
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import (
    AttemptId,
    HeartbeatRequest,
    Invocation,
    Report,
    ReportStatus,
    Usage,
)
from played_host import PlayedHost

TOKEN = "token-0123456789abcdef"
USAGE = Usage(queued_ms=5, start_ms=250, run_ms=1750, cpu_ms=500, peak_memory_bytes=2**25)
FAILURE = Failure(kind=FailureKind.AGENT, code="tool.broke", message="it was told to", retryable=True)


class NatsHost(PlayedHost):
    """Whatever it reports it reports twice: what is counted must not depend on how often it hears."""

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
        await self.bus.request(self.subjects.heartbeat, beat.encode(), timeout=10)

    async def mumble(self, attempt: str) -> None:
        """Publish a report about an attempt (`run/node/number`) in words that nobody knows."""
        about = AttemptId.parse(attempt).model_dump()
        header = json.dumps({"v": 99, "attempt": about, "host": self.name, "verdict": "fine"}).encode()
        await self.publisher.publish(self.subjects.report(0, self.name), header, msg_id="mumble")

    async def play(self, invocation: Invocation, body: bytes, headers: dict[str, str]) -> None:
        attempt = invocation.attempt
        held = attempt.node == "held" and attempt.number == 1
        if invocation.claim_first or held:
            await self.claim(attempt, TOKEN, headers)
        if held:
            return  # it is never heard of again
        told, output = self._end(attempt, body)
        report = Report(attempt=attempt, host=self.name, token=TOKEN, usage=USAGE, **told)
        for number in range(2):
            await self.report(report, output, f"{attempt}/{number}", headers)

    def _end(self, attempt: AttemptId, body: bytes) -> tuple[dict[str, Any], bytes]:
        if attempt.node == "fails" and attempt.number == 1:
            return {"status": ReportStatus.FAILED, "failure": FAILURE}, b""
        lie = json.dumps({"text": 7}).encode()
        return {"status": ReportStatus.SUCCESS}, lie if attempt.node == "lies" else body


@asynccontextmanager
async def nats_host(url: str, prefix: str) -> AsyncIterator[NatsHost]:
    """A host that plays until the end."""
    async with await Bus.connect(url, name="host") as bus, NatsHost(bus, prefix, "host-1") as host:
        await host.streams.declare(host.layout.pool_consumer("idle"))  # whose invocations nobody takes
        await host.begin()
        yield host
