"""The consumer and the ack table on a real nats-server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from airlock_chassis.bus import (
    Consumer,
    EachMessage,
    InBatches,
    Later,
    Message,
    Outgoing,
    Permanent,
    ShuttingDown,
)
from airlock_chassis.bus.acks import MAX_TRIES
from airlock_contracts.messages import DeadLetter

from .conftest import Corner, until


@asynccontextmanager
async def consuming(
    corner: Corner, work: EachMessage | InBatches, *, free: Callable[[], int] | None = None
) -> AsyncIterator[Consumer]:
    """A running consumer of the default pool's invocations."""
    spec = corner.layout.pool_consumer("default")
    consumer = Consumer(corner.bus, corner.streams, spec, work, corner.acks, free=free)
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    try:
        yield consumer
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await running


async def settled(corner: Corner, left: int = 0) -> None:
    """Wait until no more than that is left in the stream."""
    async with asyncio.timeout(20):
        while await corner.waiting(corner.subjects.invocations_stream) > left:
            await asyncio.sleep(0.02)


async def run_once(corner: Corner, raises: Exception) -> list[int]:
    """Send one message to a handler that raises the first time; answers the deliveries it saw."""
    seen: list[int] = []

    async def handle(message: Message) -> None:
        seen.append(message.deliveries)
        if len(seen) == 1:
            raise raises

    await corner.publisher.publish(corner.attempt(1), b"body")
    async with consuming(corner, EachMessage(handle)):
        await settled(corner)
    return seen


async def test_a_handled_message_is_acked_and_gone(corner: Corner) -> None:
    seen: list[bytes] = []

    async def handle(message: Message) -> None:
        seen.append(message.payload)

    await corner.publisher.publish_all([Outgoing(corner.attempt(n), b"%d" % n) for n in range(1, 101)])
    async with consuming(corner, EachMessage(handle)):
        await settled(corner)
    assert sorted(map(int, seen)) == list(range(1, 101))


async def test_a_permanent_problem_becomes_a_dead_letter_with_its_cause_and_never_comes_again(
    corner: Corner,
) -> None:
    seen = await run_once(corner, Permanent("header is no JSON \udcff\x00"))
    ((subject, payload),) = await corner.dead_letters()
    letter, body = DeadLetter.decode(payload)
    assert seen == [1]
    assert subject == corner.subjects.dead_letter(corner.subjects.invocations_stream)
    assert letter.subject == corner.attempt(1)
    assert letter.cause.startswith("header is no JSON")
    assert (letter.sequence, body) == (1, b"body")


@pytest.mark.parametrize("raises", [Later(0.05), ShuttingDown(), ValueError("a surprise")])
async def test_a_passing_problem_brings_the_message_back(corner: Corner, raises: Exception) -> None:
    assert await run_once(corner, raises) == [1, 2]
    assert await corner.dead_letters() == []


async def test_the_twentieth_surprise_is_the_last(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airlock_chassis.bus.acks.FIRST_DELAY_SECONDS", 0.0)
    tries: list[int] = []

    async def handle(message: Message) -> None:
        tries.append(message.deliveries)
        raise KeyError("always")

    await corner.publisher.publish(corner.attempt(1), b"poison")
    async with consuming(corner, EachMessage(handle)):
        await settled(corner)
    ((_, payload),) = await corner.dead_letters()
    assert len(tries) == MAX_TRIES
    assert "KeyError" in DeadLetter.decode(payload)[0].cause


async def test_a_handler_may_settle_at_its_own_moment(corner: Corner) -> None:
    held: list[Message] = []

    async def hold(message: Message) -> None:
        held.append(message)

    await corner.publisher.publish(corner.attempt(1), b"x")
    async with consuming(corner, EachMessage(hold, settles_itself=True)):
        await until(lambda: len(held) == 1)
        assert await corner.waiting(corner.subjects.invocations_stream) == 1
        await held[0].in_progress()
        await held[0].ack_sync()
        assert await corner.waiting(corner.subjects.invocations_stream) == 0
        await held[0].nak()  # settled once, it stays settled
    assert len(held) == 1


async def test_no_more_is_pulled_than_the_gate_has_room_for(corner: Corner) -> None:
    slots, busy, most, done = 3, 0, 0, 0
    release = asyncio.Semaphore(0)

    async def handle(message: Message) -> None:
        nonlocal busy, most, done
        busy += 1
        most = max(most, busy)
        await release.acquire()
        busy -= 1
        done += 1

    await corner.publisher.publish_all([Outgoing(corner.attempt(n), b"x") for n in range(1, 31)])
    pending = corner.layout.pool_consumer("default")
    async with consuming(corner, EachMessage(handle), free=lambda: slots - busy):
        await until(lambda: busy == slots)
        assert await corner.undelivered(pending) == 30 - slots
        for _ in range(30):
            release.release()
            await asyncio.sleep(0)
        await settled(corner)
    assert (most, done) == (slots, 30)


async def test_a_closed_gate_pulls_nothing_until_it_is_woken(corner: Corner) -> None:
    room = 0
    seen: list[str] = []

    async def handle(message: Message) -> None:
        seen.append(message.subject)

    await corner.publisher.publish(corner.attempt(1), b"x")
    async with consuming(corner, EachMessage(handle), free=lambda: room) as consumer:
        await until(lambda: consumer.pulling)
        await corner.bus.flush()
        assert await corner.undelivered(consumer.spec) == 1
        room = 1
        consumer.wake()
        await settled(corner)
    assert seen == [corner.attempt(1)]


async def test_messages_collect_while_a_batch_is_handled(corner: Corner) -> None:
    sizes: list[int] = []
    first, go_on = asyncio.Event(), asyncio.Event()

    async def handle(batch: Sequence[Message]) -> None:
        sizes.append(len(batch))
        first.set()
        await go_on.wait()

    async with consuming(corner, InBatches(handle, max_batches=1, max_batch=64)) as consumer:
        await corner.publisher.publish(corner.attempt(1), b"x")
        await first.wait()
        await corner.publisher.publish_all([Outgoing(corner.attempt(n), b"x") for n in range(2, 102)])
        async with asyncio.timeout(10):
            while await corner.undelivered(consumer.spec):
                await asyncio.sleep(0.01)
        go_on.set()
        await settled(corner)
    assert sizes == [1, 64, 36]


async def test_a_poisoned_message_of_a_batch_is_buried_alone(corner: Corner) -> None:
    handled: list[bytes] = []

    async def handle(batch: Sequence[Message]) -> Sequence[Exception | None]:
        if any(message.payload == b"poison" for message in batch) and len(batch) > 1:
            raise RuntimeError("the batch failed")
        handled.extend(message.payload for message in batch)
        return [Permanent("poison") if message.payload == b"poison" else None for message in batch]

    payloads = [b"a", b"poison", b"b"]
    await corner.publisher.publish_all([Outgoing(corner.attempt(n), p) for n, p in enumerate(payloads, 1)])
    async with consuming(corner, InBatches(handle)):
        await settled(corner)
    assert sorted(handled) == [b"a", b"b", b"poison"]
    assert [payload.rpartition(b"\n")[2] for _, payload in await corner.dead_letters()] == [b"poison"]


Finish = Callable[[asyncio.Task[None], asyncio.Event], Awaitable[None]]


async def by_stop(running: asyncio.Task[None], stop: asyncio.Event) -> None:
    stop.set()
    running.cancel()


async def by_cancel(running: asyncio.Task[None], stop: asyncio.Event) -> None:
    running.cancel()


@pytest.mark.parametrize("finish", [by_stop, by_cancel])
async def test_what_is_held_at_the_end_is_handed_back_at_once(corner: Corner, finish: Finish) -> None:
    held: list[Message] = []
    never = asyncio.Event()

    async def hold(message: Message) -> None:
        held.append(message)
        await never.wait()

    spec = corner.layout.pool_consumer("default")
    stop = asyncio.Event()
    consumer = Consumer(corner.bus, corner.streams, spec, EachMessage(hold), corner.acks)
    running = asyncio.create_task(consumer.run(stop))
    await corner.publisher.publish_all([Outgoing(corner.attempt(n), b"x") for n in range(1, 11)])
    await until(lambda: len(held) == 10)
    await finish(running, stop)
    with pytest.raises(asyncio.CancelledError):
        await running

    again: list[int] = []

    async def handle(message: Message) -> None:
        again.append(message.deliveries)

    async with consuming(corner, EachMessage(handle)):
        async with asyncio.timeout(10):  # far below ack_wait: they were handed back, not waited for
            await settled(corner)
    assert again == [2] * 10


async def test_stopping_lets_a_running_handler_end_and_takes_nothing_new(corner: Corner) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    seen: list[str] = []

    async def handle(message: Message) -> None:
        begun.set()
        await go_on.wait()
        seen.append(message.subject)

    spec = corner.layout.pool_consumer("default")
    stop = asyncio.Event()
    consumer = Consumer(corner.bus, corner.streams, spec, EachMessage(handle), corner.acks)
    running = asyncio.create_task(consumer.run(stop))
    await corner.publisher.publish(corner.attempt(1), b"x")
    await begun.wait()
    stop.set()
    await until(lambda: not consumer.pulling)
    await corner.publisher.publish(corner.attempt(2), b"x")
    go_on.set()
    await running
    await settled(corner, left=1)
    assert seen == [corner.attempt(1)]
    assert await corner.undelivered(spec) == 1
