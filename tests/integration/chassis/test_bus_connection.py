"""Connecting, asking and hearing on a real nats-server."""

import asyncio
import socket
import time

import pytest
from airlock_chassis.bus import Bus, BusClosed, BusUnavailable, NoAnswer, PublishRefused, Request
from airlock_client.embedded import EmbeddedNats


async def test_a_port_where_nobody_listens_is_one_clear_line_within_the_deadline() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"nats://user:hunter2-secret@127.0.0.1:{probe.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(BusUnavailable) as raised:
            await Bus.connect(url, timeout=1.5)
    assert time.monotonic() - started < 4
    text = str(raised.value)
    assert "127.0.0.1" in text
    assert "does not answer" in text
    assert "hunter2" not in text
    assert "\n" not in text


async def test_a_server_that_never_greets_is_given_up_at_the_deadline() -> None:
    gave_up = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gave_up.set()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(BusUnavailable):
            await Bus.connect(f"nats://127.0.0.1:{port}", timeout=1.0)
        await asyncio.wait_for(gave_up.wait(), 5)


async def test_refused_credentials_are_said_at_once(nats_server: EmbeddedNats) -> None:
    started = time.monotonic()
    with pytest.raises(BusUnavailable, match="refused the credentials"):
        await Bus.connect(f"nats://host:wrong-password@127.0.0.1:{nats_server.port}")
    assert time.monotonic() - started < 5


async def test_a_request_is_answered_and_one_that_nobody_hears_is_no_answer(
    nats_server: EmbeddedNats, nats_prefix: str
) -> None:
    async def double(request: Request) -> bytes:
        return request.payload * 2 + request.headers["Mark"].encode()

    async with await Bus.connect(nats_server.url()) as bus:
        answers = await bus.respond(f"{nats_prefix}.double", double, queue="q")
        answer = await bus.request(f"{nats_prefix}.double", b"ab", headers={"Mark": "!"})
        await answers.close()
        with pytest.raises(NoAnswer):
            await bus.request(f"{nats_prefix}.double", b"ab", timeout=1)
    assert answer == b"abab!"


async def test_a_handler_that_raises_answers_nothing_and_the_next_request_is_served(
    nats_server: EmbeddedNats, nats_prefix: str
) -> None:
    async def fragile(request: Request) -> bytes:
        if request.payload == b"bad":
            raise ValueError("no")
        return b"fine"

    async with await Bus.connect(nats_server.url()) as bus:
        await bus.respond(f"{nats_prefix}.fragile", fragile)
        with pytest.raises(NoAnswer):
            await bus.request(f"{nats_prefix}.fragile", b"bad", timeout=0.3)
        answer = await bus.request(f"{nats_prefix}.fragile", b"good")
    assert answer == b"fine"


async def test_slow_requests_are_answered_beside_each_other(
    nats_server: EmbeddedNats, nats_prefix: str
) -> None:
    both = asyncio.Barrier(2)

    async def meet(_: Request) -> bytes:
        await both.wait()
        return b"met"

    async with await Bus.connect(nats_server.url()) as bus:
        await bus.respond(f"{nats_prefix}.meet", meet)
        answers = await asyncio.gather(*(bus.request(f"{nats_prefix}.meet", timeout=5) for _ in range(2)))
    assert answers == [b"met", b"met"]


async def test_closing_ends_the_watch_in_peace_and_a_lost_bus_ends_it_with_an_error(
    nats_server: EmbeddedNats,
) -> None:
    closed = await Bus.connect(nats_server.url())
    watch = asyncio.create_task(closed.watch())
    await closed.close()
    await watch

    lost = await Bus.connect(nats_server.url())
    watch = asyncio.create_task(lost.watch())
    await lost._client.close()  # what nats-py does itself after an error it cannot mend
    with pytest.raises(BusClosed):
        await watch
    await lost.close()


async def test_what_cannot_be_sent_is_refused_with_its_reason(nats_server: EmbeddedNats) -> None:
    async with await Bus.connect(nats_server.url()) as bus:
        with pytest.raises(PublishRefused, match="more than NATS takes"):
            await bus.publish("a.b", b"x" * (2 * 1024 * 1024))
        with pytest.raises(PublishRefused):
            await bus.publish("not a subject", b"x")
        assert "reconnects" in await bus.probe()
