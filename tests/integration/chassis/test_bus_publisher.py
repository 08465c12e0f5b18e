"""Streams and publishing on a real nats-server."""

import asyncio
from datetime import timedelta

import pytest
from airlock_chassis.bus import (
    Ack,
    AlreadyThere,
    Bus,
    Layout,
    LayoutMismatch,
    NoAnswer,
    Outgoing,
    PublishRefused,
    PublishUnknown,
    Retention,
    Streams,
    StreamSpec,
    StreamsUnavailable,
)
from airlock_chassis.bus.streams import Queue
from airlock_chassis.fatal import Fatal
from airlock_client.embedded import EmbeddedNats
from airlock_contracts.subjects import AttemptSubject, Subjects

from .conftest import RUN, SMALL, Corner


async def test_declaring_twice_changes_nothing(corner: Corner) -> None:
    await corner.publisher.publish(corner.attempt(1), b"x")
    await corner.streams.declare(corner.layout.pool_consumer("default"))
    await corner.streams.declare(corner.layout.pool_consumer("default"))
    assert await corner.waiting(corner.subjects.invocations_stream) == 1
    assert (await corner.streams.queue(corner.layout.pool_consumer("default"))).depth == 1


async def test_a_queue_says_how_many_wait_for_their_consumer_and_since_when(corner: Corner) -> None:
    consumer = corner.layout.pool_consumer("default")
    await corner.streams.declare(consumer, corner.layout.pool_consumer("other"))
    assert await corner.streams.queue(consumer) == Queue(0, None)
    await corner.publisher.publish(corner.attempt(1), b"x")
    await corner.publisher.publish(corner.attempt(2), b"x")
    first = await corner.streams.queue(consumer)
    assert first.depth == 2
    assert first.since is not None
    subscription = await corner.bus.jetstream.pull_subscribe_bind(consumer.name, consumer.stream)
    (pulled,) = await subscription.fetch(1)
    assert abs(pulled.metadata.timestamp - first.since) < timedelta(milliseconds=1)
    await pulled.ack_sync()
    second = await corner.streams.queue(consumer)
    assert second.depth == 1
    assert second.since is not None
    assert second.since > first.since
    assert await corner.streams.queue(corner.layout.pool_consumer("other")) == Queue(0, None)
    assert await corner.streams.size(consumer.stream) == 1


async def test_what_is_handed_back_waits_on_since_it_came(corner: Corner) -> None:
    consumer = corner.layout.pool_consumer("default")
    await corner.streams.declare(consumer)
    await corner.publisher.publish(corner.attempt(1), b"x")
    came = await corner.streams.queue(consumer)
    subscription = await corner.bus.jetstream.pull_subscribe_bind(consumer.name, consumer.stream)
    for delay in (0, 60):
        (pulled,) = await subscription.fetch(1)
        assert await corner.streams.queue(consumer) == came
        await pulled.nak(delay=delay)
        assert await corner.streams.queue(consumer) == came


async def test_what_is_withdrawn_waits_no_more_whoever_has_it(corner: Corner) -> None:
    consumer = corner.layout.pool_consumer("default")
    await corner.streams.declare(consumer)
    elsewhere = corner.subjects.invocation(AttemptSubject("other", f"{RUN[:-1]}2", "scan", 1))
    await corner.publisher.publish(elsewhere, b"x")  # or an empty stream would clear its consumers
    await corner.publisher.publish(corner.attempt(1), b"x")
    subscription = await corner.bus.jetstream.pull_subscribe_bind(consumer.name, consumer.stream)
    (pulled,) = await subscription.fetch(1)
    await pulled.nak(delay=60)
    await corner.streams.purge(consumer.stream, corner.subjects.run_invocations(RUN))
    assert await corner.streams.queue(consumer) == Queue(0, None)


async def test_what_waits_for_somebody_who_never_came_is_known(corner: Corner) -> None:
    await corner.publisher.publish(corner.attempt(1), b"x")
    assert (await corner.streams.queue(corner.layout.pool_consumer("default"))).depth == 1
    assert await corner.streams.queue(corner.layout.pool_consumer("nobody-came")) == Queue(0, None)


async def test_of_what_is_not_there_no_word_comes(corner: Corner) -> None:
    await corner.bus.jetstream.delete_stream(corner.subjects.invocations_stream)
    with pytest.raises(NoAnswer, match="no word about consumer"):
        await corner.streams.queue(corner.layout.pool_consumer("default"))
    await corner.streams.declare()
    with pytest.raises(NoAnswer, match="no word about stream"):
        await corner.streams.size("nothing")


async def test_a_stream_that_drifted_is_set_right_and_keeps_its_messages(corner: Corner) -> None:
    name = corner.subjects.invocations_stream
    await corner.publisher.publish(corner.attempt(1), b"x")
    info = await corner.bus.jetstream.stream_info(name)
    await corner.bus.jetstream.update_stream(info.config.evolve(max_bytes=1_000_000, description="kept"))
    await corner.streams.declare()
    config = (await corner.bus.jetstream.stream_info(name)).config
    assert config.max_bytes == corner.layout.sizes.invocations
    assert config.description == "kept"
    assert await corner.waiting(name) == 1


async def test_a_stream_that_cannot_be_changed_is_refused_by_name(corner: Corner) -> None:
    name = corner.subjects.reports_stream
    other = StreamSpec(name, (corner.subjects.all_reports,), Retention.LIMITS, 1_000_000, in_memory=True)
    with pytest.raises(LayoutMismatch, match=name):
        await Streams(corner.bus, [other]).declare()


async def test_a_second_message_for_an_attempt_is_already_there_also_while_it_is_pulled(
    corner: Corner,
) -> None:
    consumer = corner.layout.pool_consumer("default")
    await corner.streams.declare(consumer)
    first = await corner.publisher.publish(corner.attempt(1), b"x", msg_id="one")
    second = await corner.publisher.publish(corner.attempt(1), b"x", msg_id="two")
    pulled = await corner.bus.jetstream.pull_subscribe_bind(consumer=consumer.name, stream=consumer.stream)
    (message,) = await pulled.fetch(1)
    third = await corner.publisher.publish(corner.attempt(1), b"x", msg_id="three")
    await message.ack_sync()
    await pulled.unsubscribe()
    fourth = await corner.publisher.publish(corner.attempt(1), b"x", msg_id="four")
    assert isinstance(first, Ack)
    assert second == third == AlreadyThere(corner.attempt(1))
    assert isinstance(fourth, Ack)
    assert not fourth.duplicate


async def test_a_message_id_sent_twice_is_stored_once(corner: Corner) -> None:
    subject = corner.subjects.report(0, "h1")
    await corner.publisher.publish(subject, b"x", msg_id="same")
    again = await corner.publisher.publish(subject, b"x", msg_id="same")
    assert isinstance(again, Ack)
    assert again.duplicate
    assert await corner.waiting(corner.subjects.reports_stream) == 1


async def test_the_answers_of_a_batch_stand_in_its_order(corner: Corner) -> None:
    await corner.publisher.publish(corner.attempt(7), b"first")
    numbers = [1, 7, *range(100, 2100)]
    outcomes = await corner.publisher.publish_all([Outgoing(corner.attempt(n), b"x") for n in numbers])
    assert [type(outcome) for outcome in outcomes[:3]] == [Ack, AlreadyThere, Ack]
    assert sum(isinstance(outcome, Ack) for outcome in outcomes) == 2001


async def test_what_does_not_fit_is_refused_with_its_reason(corner: Corner) -> None:
    with pytest.raises(PublishRefused, match="more than NATS takes"):
        await corner.publisher.publish(corner.attempt(1), b"x" * (1024 * 1024 + 1))


async def test_a_full_stream_refuses_and_is_not_taken_for_already_there(corner: Corner) -> None:
    name = corner.subjects.reports_stream
    info = await corner.bus.jetstream.stream_info(name)
    await corner.bus.jetstream.update_stream(info.config.evolve(max_bytes=1000))
    with pytest.raises(PublishRefused, match="maximum bytes"):
        await corner.publisher.publish(corner.subjects.report(0, "h1"), b"x" * 2000)


async def test_a_stream_that_vanished_is_declared_again_and_the_message_stored(corner: Corner) -> None:
    await corner.bus.jetstream.delete_stream(corner.subjects.invocations_stream)
    outcomes = await corner.publisher.publish_all([Outgoing(corner.attempt(n), b"x") for n in (1, 2, 3)])
    assert all(isinstance(outcome, Ack) for outcome in outcomes)
    assert await corner.waiting(corner.subjects.invocations_stream) == 3


async def test_a_subject_of_no_stream_is_unknown_and_not_stored(corner: Corner) -> None:
    with pytest.raises(PublishUnknown):
        await corner.publisher.publish(f"{corner.subjects.prefix}.nowhere", b"x")


async def test_many_publishers_at_once_after_a_lost_stream_declare_it_together(corner: Corner) -> None:
    await corner.bus.jetstream.delete_stream(corner.subjects.reports_stream)
    await asyncio.gather(
        *(corner.publisher.publish(corner.subjects.report(0, f"h{n}"), b"x") for n in range(50))
    )
    assert await corner.waiting(corner.subjects.reports_stream) == 50


async def test_who_may_not_make_streams_is_told_so_in_one_line(
    nats_server: EmbeddedNats, nats_prefix: str
) -> None:
    layout = Layout(Subjects(nats_prefix), SMALL)
    async with await Bus.connect(nats_server.url("reader")) as reader:
        with pytest.raises(StreamsUnavailable) as raised:
            await Streams(reader, layout.streams).declare()
    assert isinstance(raised.value, Fatal)
    assert "\n" not in str(raised.value)
