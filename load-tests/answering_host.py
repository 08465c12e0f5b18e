"""A host without sandboxes: takes invocations over NATS and answers each at once with an empty object.

For measuring what is around a step: no engine's ceiling, and nothing to wait for.
"""

import asyncio
from typing import Self
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
from airlock_contracts.messages import ImageReply, ImageRequest, Invocation, Report, ReportStatus
from airlock_contracts.subjects import Subjects

POOL = "played"
HOST = "played"
IMAGE = "sha256:" + "1" * 64
AT_ONCE = 256


class AnsweringHost:
    """Answers for the pool `played`, until it is left."""

    def __init__(self, nats_url: str) -> None:
        self._url = nats_url
        self._subjects = Subjects()
        self._stop = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._bus = await Bus.connect(self._url, name="answering host")
        layout = Layout(self._subjects)
        streams = Streams(self._bus, layout.streams)
        self._publisher = Publisher(self._bus, streams)
        await self._bus.respond(self._subjects.image, self._image)
        spec = layout.pool_consumer(POOL)
        await streams.declare(spec)
        acks = AckTable(DeadLetters(self._publisher, self._subjects))
        work = EachMessage(self._handle, max_in_flight=AT_ONCE)
        self._consuming = asyncio.create_task(Consumer(self._bus, streams, spec, work, acks).run(self._stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._consuming
        await self._bus.close()

    async def _image(self, request: Request) -> bytes | None:
        asked, _ = ImageRequest.decode(request.payload)
        return ImageReply(digest=IMAGE).encode() if asked.pool == POOL else None

    async def _handle(self, message: Message) -> None:
        invocation, _ = Invocation.decode(message.payload)
        attempt, token = invocation.attempt, uuid4().hex
        parent = message.headers.get("traceparent")
        await self._publisher.publish(
            self._subjects.report(0, HOST),
            Report(attempt=attempt, host=HOST, token=token, status=ReportStatus.SUCCESS).encode(b"{}"),
            msg_id=f"{attempt}/{token}",
            headers={"traceparent": parent} if parent else None,
        )
