"""A host without Docker, played over NATS: it finds every image, and does what a test says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

from airlock_chassis.bus import Bus, Message, Request
from airlock_contracts.messages import (
    AttemptId,
    ClaimReply,
    ClaimRequest,
    ImageReply,
    Invocation,
    Report,
)
from nats_side import NatsSide

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}


def echo_agent(name: str = "echo", pool: str = "default") -> dict[str, Any]:
    """An agent for it to play: its action `say` takes a text and gives one."""
    return {
        "name": name,
        "version": "1.0.0",
        "type": "SCRIPT",
        "image": "example.com/echo:1",
        "pool": pool,
        "actions": {"say": {"input_schema": TEXT, "output_schema": TEXT}},
    }


class PlayedHost(NatsSide, ABC):
    """Takes the invocations of the pool `default` once it was told to `begin`."""

    def __init__(self, bus: Bus, prefix: str, name: str) -> None:
        super().__init__(bus, prefix)
        self.name = name

    async def __aenter__(self) -> Self:
        await self.bus.respond(self.subjects.image, self._image)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_consuming()

    async def begin(self) -> None:
        """Take invocations from now on."""
        await self.consume(self.layout.pool_consumer("default"), self._take)

    @abstractmethod
    async def play(self, invocation: Invocation, body: bytes, headers: dict[str, str]) -> None:
        """Do what a host would; `headers` carry the trace on."""

    async def claim(self, attempt: AttemptId, token: str, headers: dict[str, str]) -> ClaimReply:
        """Ask for an attempt."""
        asked = ClaimRequest(attempt=attempt, host=self.name, token=token).encode()
        return ClaimReply.decode(
            await self.bus.request(self.subjects.claim, asked, timeout=10, headers=headers)
        )[0]

    async def report(self, report: Report, output: bytes, msg_id: str, headers: dict[str, str]) -> None:
        """Say how an attempt ended."""
        await self.publisher.publish(
            self.subjects.report(0, self.name), report.encode(output), msg_id=msg_id, headers=headers
        )

    async def _image(self, _: Request) -> bytes:
        return ImageReply(digest="sha256:" + "1" * 64).encode()

    async def _take(self, message: Message) -> None:
        invocation, body = Invocation.decode(message.payload)
        await self.play(invocation, body, {"traceparent": message.headers["traceparent"]})
