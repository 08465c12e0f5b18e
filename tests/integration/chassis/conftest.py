"""What the tests of the bus share: a bus on a corner of its own, and waiting for facts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from airlock_chassis.bus import (
    AckTable,
    Bus,
    ConsumerSpec,
    DeadLetters,
    Layout,
    LayoutSizes,
    Publisher,
    Streams,
)
from airlock_client.embedded import EmbeddedNats
from airlock_contracts.subjects import AttemptSubject, Subjects

MIB = 1024 * 1024
SMALL = LayoutSizes(invocations=16 * MIB, reports=16 * MIB, dead_letters=16 * MIB)
RUN = "01890000-0000-7000-8000-000000000001"


async def until(fact: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Wait until something is true; time is only the limit."""
    async with asyncio.timeout(seconds):
        while not fact():
            await asyncio.sleep(0.01)


@dataclass
class Corner:
    """A bus with its streams, and the parts that one process makes of them."""

    bus: Bus
    subjects: Subjects
    layout: Layout
    streams: Streams
    publisher: Publisher
    acks: AckTable

    def attempt(self, number: int) -> str:
        """The subject of one attempt's invocation."""
        return self.subjects.invocation(AttemptSubject("default", RUN, "scan", number))

    async def dead_letters(self) -> list[tuple[str, bytes]]:
        """Subject and payload of all dead letters."""
        stream = self.subjects.dead_letters_stream
        info = await self.bus.jetstream.stream_info(stream)
        numbers = range(info.state.first_seq, info.state.last_seq + 1) if info.state.messages else range(0)
        letters = [await self.bus.jetstream.get_msg(stream, seq=number) for number in numbers]
        return [(letter.subject or "", letter.data or b"") for letter in letters]

    async def waiting(self, stream: str) -> int:
        """Messages in a stream."""
        return int((await self.bus.jetstream.stream_info(stream)).state.messages)

    async def undelivered(self, consumer: ConsumerSpec) -> int:
        """Messages that nobody has pulled."""
        info = await self.bus.jetstream.consumer_info(consumer.stream, consumer.name)
        return int(info.num_pending or 0)


async def make_corner(url: str, prefix: str, *, makes_streams: bool = True) -> Corner:
    """Connect and declare; a host has no right to make streams."""
    bus = await Bus.connect(url, name="test")
    subjects = Subjects(prefix)
    layout = Layout(subjects, SMALL)
    streams = Streams(bus, layout.streams if makes_streams else ())
    await streams.declare()
    publisher = Publisher(bus, streams)
    return Corner(bus, subjects, layout, streams, publisher, AckTable(DeadLetters(publisher, subjects)))


@pytest.fixture
async def corner(nats_server: EmbeddedNats, nats_prefix: str) -> AsyncIterator[Corner]:
    """A corner of the shared server; its streams go with the test."""
    made = await make_corner(nats_server.url(), nats_prefix)
    try:
        yield made
    finally:
        for spec in made.layout.streams:
            await made.bus.jetstream.delete_stream(spec.name)
        await made.bus.close()
