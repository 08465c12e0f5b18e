"""The bus after its server was killed, lost its folder, or went silent. Each test has a server of its own."""

import asyncio
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from airlock_chassis.bus import (
    Ack,
    Bus,
    Consumer,
    EachMessage,
    Message,
    NoAnswer,
    Outgoing,
    Permanent,
    PublishUnknown,
    Request,
)
from airlock_client.embedded import EmbeddedNats

from .conftest import Corner, make_corner, until


@pytest.fixture
async def server(servers_folder: Path, nats_prefix: str) -> AsyncIterator[EmbeddedNats]:
    """A server that this test may kill."""
    async with EmbeddedNats(servers_folder / nats_prefix) as running:
        yield running


@pytest.fixture
async def own(server: EmbeddedNats, nats_prefix: str) -> AsyncIterator[Corner]:
    """A corner on the test's own server."""
    made = await make_corner(server.url(), nats_prefix)
    try:
        yield made
    finally:
        await made.bus.close()


@asynccontextmanager
async def counting(
    corner: Corner, *, fetch_seconds: float = 2.0
) -> AsyncIterator[tuple[Consumer, Counter[str]]]:
    """A running consumer, and how often it handled each subject."""
    seen: Counter[str] = Counter()

    async def handle(message: Message) -> None:
        seen[message.subject] += 1

    spec = corner.layout.pool_consumer("default")
    consumer = Consumer(
        corner.bus, corner.streams, spec, EachMessage(handle), corner.acks, fetch_seconds=fetch_seconds
    )
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    try:
        yield consumer, seen
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await running


async def send(corner: Corner, *numbers: int) -> None:
    """Publish attempts, again and again until the stream has each: what the redispatch does."""
    async with asyncio.timeout(30):
        for number in numbers:
            outcome: object = None
            while not isinstance(outcome, Ack):
                (outcome,) = await corner.publisher.publish_all([Outgoing(corner.attempt(number), b"x")])


async def test_after_kill_and_restart_the_consumer_goes_on_with_what_was_stored(
    server: EmbeddedNats, own: Corner
) -> None:
    async with counting(own) as (_, seen):
        await send(own, 1)
        await until(lambda: seen[own.attempt(1)] == 1)
        await asyncio.to_thread(server.kill)
        await until(lambda: not own.bus.connected)
        await asyncio.to_thread(server.start)
        await send(own, 2)
        await until(lambda: seen[own.attempt(2)] >= 1)
    assert own.bus.reconnects == 1


async def test_without_its_folder_the_streams_are_made_again_and_work_goes_on(
    server: EmbeddedNats, own: Corner
) -> None:
    async with counting(own) as (_, seen):
        await send(own, 1)
        await until(lambda: seen[own.attempt(1)] == 1)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(shutil.rmtree, server.data_dir / "jetstream")
        await asyncio.to_thread(server.start)
        await send(own, 2)
        await until(lambda: seen[own.attempt(2)] >= 1)


async def test_a_consumer_alone_makes_its_streams_again(server: EmbeddedNats, own: Corner) -> None:
    async with counting(own) as (consumer, seen):
        await until(lambda: consumer.pulling)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(shutil.rmtree, server.data_dir / "jetstream")
        await asyncio.to_thread(server.start)
        await until(lambda: own.bus.reconnects == 1 and consumer.rebinds >= 2 and consumer.pulling)
        async with await Bus.connect(server.url()) as other:  # one that declares nothing
            await other.jetstream.publish(own.attempt(3), b"x")
        await until(lambda: seen[own.attempt(3)] == 1)


@pytest.mark.parametrize("lost", ["consumer", "stream"])
async def test_what_was_deleted_under_the_consumer_is_made_again(own: Corner, lost: str) -> None:
    async with counting(own) as (consumer, seen):
        await send(own, 1)
        await until(lambda: seen[own.attempt(1)] == 1)
        if lost == "consumer":
            await own.bus.jetstream.delete_consumer(consumer.spec.stream, consumer.spec.name)
        else:
            await own.bus.jetstream.delete_stream(consumer.spec.stream)
        await until(lambda: consumer.rebinds >= 1 and consumer.pulling)
        await send(own, 2)
        await until(lambda: seen[own.attempt(2)] == 1)


async def test_a_consumer_whose_inbox_went_deaf_is_bound_anew(own: Corner) -> None:
    async with counting(own, fetch_seconds=0.5) as (consumer, seen):
        await until(lambda: consumer.pulling)
        await send(own, 1)
        await until(lambda: seen[own.attempt(1)] == 1)
        # Behind nats-py's back the server forgets the inboxes: requests go out, nothing comes in.
        client = own.bus._client
        for number, subscription in list(client._subs.items()):
            if ".*" not in subscription.subject:
                await client._send_unsubscribe(number)
        await until(lambda: consumer.rebinds >= 1 and consumer.pulling)
        await send(own, 2)
        await until(lambda: seen[own.attempt(2)] >= 1)


async def test_a_publish_while_the_server_is_away_is_unknown_and_comes_back_bounded(
    server: EmbeddedNats, own: Corner
) -> None:
    await asyncio.to_thread(server.kill)
    await until(lambda: not own.bus.connected)
    own.publisher._ack_seconds = 0.3
    with pytest.raises(PublishUnknown):
        await own.publisher.publish(own.attempt(1), b"x", msg_id="one")
    await asyncio.to_thread(server.start)
    await until(lambda: own.bus.connected)
    own.publisher._ack_seconds = 5.0
    # What waited in the buffer may have arrived meanwhile: the same id is then no second message.
    await own.publisher.publish(own.attempt(1), b"x", msg_id="one")
    assert await own.waiting(own.subjects.invocations_stream) == 1


async def test_closing_while_the_server_is_away_is_bounded(server: EmbeddedNats, nats_prefix: str) -> None:
    made = await make_corner(server.url(), nats_prefix)
    await asyncio.to_thread(server.kill)
    await until(lambda: not made.bus.connected)
    with pytest.raises(NoAnswer):
        await made.bus.probe()
    async with asyncio.timeout(8):
        await made.bus.close()
    await made.bus.watch()


async def test_a_reconnect_that_loses_its_cancellation_ends_with_its_bus(
    server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await Bus.connect(server.url(), name="test")
    trying = asyncio.Event()

    async def refused_as_it_is_cancelled(_: object) -> None:
        trying.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionRefusedError from None  # what `wait_for` may make of it

    monkeypatch.setattr(bus._client, "_connect_to_server", refused_as_it_is_cancelled)
    await asyncio.to_thread(server.kill)
    await trying.wait()
    await bus.close()
    assert [task for task in asyncio.all_tasks() if "_attempt_reconnect" in repr(task)] == []


async def test_stopping_a_consumer_while_the_server_is_away_is_bounded(
    server: EmbeddedNats, own: Corner
) -> None:
    async with counting(own) as (consumer, _):
        await until(lambda: consumer.pulling)
        await asyncio.to_thread(server.kill)
        await until(lambda: not own.bus.connected)


async def test_requests_are_answered_again_after_a_restart(server: EmbeddedNats, own: Corner) -> None:
    async def echo(request: Request) -> bytes:
        return request.payload

    await own.bus.respond(own.subjects.claim, echo, queue="q")
    assert await own.bus.request(own.subjects.claim, b"one") == b"one"
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    await until(lambda: own.bus.reconnects == 1)
    assert await own.bus.request(own.subjects.claim, b"two", timeout=5) == b"two"


def still(pid: int) -> bool:
    """Whether each thread of a process was stopped: that takes a moment, in which it may still answer."""
    stats = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


@asynccontextmanager
async def hanging(server: EmbeddedNats) -> AsyncIterator[None]:
    """The server stands still."""
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        await until(lambda: still(pid))
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_server_that_hung_is_heard_again_at_once(server: EmbeddedNats, own: Corner) -> None:
    async def echo(request: Request) -> bytes:
        return request.payload

    await own.bus.respond(own.subjects.claim, echo, queue="q")
    async with hanging(server):
        for _ in range(2):
            with pytest.raises(NoAnswer):
                await own.bus.flush(0.2)
    await own.bus.probe()
    assert await own.bus.request(own.subjects.claim, b"again", timeout=5) == b"again"
    assert own.bus.reconnects == 0


async def test_a_flush_asks_after_what_was_sent_before_it() -> None:
    heard = bytearray()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"max_payload": 1048576, "headers": true}\r\n')
        while data := await reader.read(4096):
            heard.extend(data)
            if b"PING\r\n" in data:
                writer.write(b"PONG\r\n")
        writer.close()

    async def listen(_: Request) -> None:
        pass

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    async with server, await Bus.connect(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}") as bus:
        heard.clear()
        await bus.subscribe("one", listen)
        await bus.publish("two", b"x")
        await bus.flush()
        assert heard.split(b"\r\n") == [b"SUB one  1", b"PUB two  1", b"x", b"PING", b""]


async def test_a_link_that_nobody_reads_any_more_is_left_for_another(
    own: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def echo(request: Request) -> bytes:
        return request.payload

    async def fail() -> None:
        monkeypatch.undo()
        raise asyncio.InvalidStateError("a bug")

    await own.bus.respond(own.subjects.claim, echo, queue="q")
    monkeypatch.setattr(own.bus._client, "_process_pong", fail)
    with structlog.testing.capture_logs() as lines:
        with pytest.raises(NoAnswer):
            await own.bus.flush(0.2)
        await until(lambda: own.bus.reconnects == 1, seconds=5)
    assert [line["reason"] for line in lines if line["event"] == "bus.error"] == [
        "the client stopped reading: connecting anew"
    ]
    assert await own.bus.request(own.subjects.claim, b"again", timeout=5) == b"again"


async def test_a_process_with_a_host_s_rights_can_pull_report_and_bury(
    server: EmbeddedNats, own: Corner
) -> None:
    host = await make_corner(server.url("host"), own.subjects.prefix, makes_streams=False)
    try:
        await send(own, 1)

        async def refuse(message: Message) -> None:
            raise Permanent("not for me")

        spec = host.layout.pool_consumer("default")
        consumer = Consumer(host.bus, host.streams, spec, EachMessage(refuse), host.acks)
        stop = asyncio.Event()
        running = asyncio.create_task(consumer.run(stop))
        async with asyncio.timeout(20):
            while not await own.dead_letters():
                await asyncio.sleep(0.02)
        report = await host.publisher.publish(host.subjects.report(0, "h1"), b"x")
        stop.set()
        await running
    finally:
        await host.bus.close()
    assert isinstance(report, Ack)
