"""What each kind of process may do on the stack's NATS, and what it is refused."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from airlock_chassis.bus import Bus, Layout, Streams
from airlock_contracts.subjects import AttemptSubject, Subjects
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig
from stack_nats import StackNats

NAMES = Subjects()
ATTEMPT = AttemptSubject("default", "01890000-0000-7000-8000-000000000001", "scan", 1)
ELSEWHERE = AttemptSubject("other", "01890000-0000-7000-8000-000000000002", "scan", 1)
GET = "$JS.API.STREAM.MSG.GET"


@pytest.fixture
def no_blocking_call() -> None:
    """A test that reads its server's secrets is no process of Airlock's."""


@pytest.fixture
async def streams(stack_nats: StackNats) -> AsyncIterator[Streams]:
    """Airlock's streams and consumers, made by orchestration's user as a replica makes them."""
    async with stack_nats.connected("orchestration"):
        pass  # the server answers by now
    bus = await Bus.connect(stack_nats.url("orchestration"), name="test")
    layout = Layout(NAMES)
    made = Streams(bus, layout.streams)
    await made.declare(layout.reports_consumer(), layout.pool_consumer("other"))
    yield made
    for spec in layout.streams:
        await bus.jetstream.delete_stream(spec.name)
    await bus.close()


async def test_a_host_pulls_its_pools_work_asks_reports_and_answers(
    stack_nats: StackNats, streams: Streams
) -> None:
    async with (
        stack_nats.connected("orchestration") as center,
        stack_nats.connected("host") as host,
    ):
        await center.jetstream().publish(NAMES.invocation(ATTEMPT), b"work")

        async def answer(message: Msg) -> None:
            await message.respond(b"granted")

        await center.subscribe(NAMES.claim, cb=answer)
        await host.subscribe(NAMES.image, cb=answer)
        cancels = await host.subscribe(NAMES.cancel)
        await center.flush()
        await host.flush()
        consumer = ConsumerConfig(
            name=NAMES.pool_consumer("default"), filter_subject=NAMES.pool_invocations("default")
        )
        await host.jetstream().add_consumer(NAMES.invocations_stream, consumer)
        pull = await host.jetstream().pull_subscribe_bind(consumer.name, NAMES.invocations_stream)
        [invocation] = await pull.fetch(1, timeout=10)
        assert (await host.asked(NAMES.claim)).data == b"granted"
        assert (await center.asked(NAMES.image)).data == b"granted"
        await host.jetstream().publish(NAMES.report(0, "h2"), b"report")
        await host.jetstream().publish(NAMES.dead_letter(NAMES.invocations_stream), b"unreadable")
        await invocation.ack_sync()
        await center.publish(NAMES.cancel, b"stop")
        heard = await cancels.next_msg(timeout=10)
        assert (invocation.data, heard.data, host.complaints.qsize()) == (b"work", b"stop", 0)


async def test_a_host_cannot_read_reports_by_any_way(stack_nats: StackNats, streams: Streams) -> None:
    reports = NAMES.reports_stream
    async with stack_nats.connected("host") as host:
        await host.may_not_hear(NAMES.all_reports)
        await host.may_not_hear(">")
        await host.may_not_hear("_INBOX.>")
        await host.may_not_hear("_INBOX.orchestration.>")
        await host.may_not_say(f"$JS.API.CONSUMER.MSG.NEXT.{reports}.{NAMES.reports_consumer()}", b"1")
        await host.may_not_say(f"$JS.API.CONSUMER.CREATE.{reports}.mine")
        await host.may_not_say(f"$JS.API.CONSUMER.CREATE.{reports}")
        await host.may_not_say(f"$JS.API.CONSUMER.DURABLE.CREATE.{reports}.mine")
        await host.may_not_say(f"{GET}.{reports}", b'{"seq": 1}')
        await host.may_not_say(f"$JS.API.DIRECT.GET.{reports}", b'{"seq": 1}')
        await host.may_not_say(f"$JS.API.STREAM.UPDATE.{reports}")  # it could republish elsewhere
        await host.may_not_say("$JS.API.STREAM.CREATE.COPY", json.dumps({"name": "COPY"}).encode())


async def test_a_host_can_neither_order_work_nor_end_that_of_others_nor_ring(stack_nats: StackNats) -> None:
    async with stack_nats.connected("host") as host:
        await host.may_not_say(NAMES.invocation(ATTEMPT))
        await host.may_not_say(NAMES.cancel)
        await host.may_not_say(NAMES.image)
        await host.may_not_say(NAMES.bell("default"))
        await host.may_not_say(f"$JS.API.STREAM.PURGE.{NAMES.invocations_stream}")
        await host.may_not_say(f"$JS.API.STREAM.DELETE.{NAMES.invocations_stream}")
        await host.may_not_say("_INBOX.orchestration.anything")
        await host.may_not_hear(NAMES.claim)
        await host.may_not_hear(NAMES.all_logs)


async def test_a_host_takes_no_work_of_another_pool(stack_nats: StackNats, streams: Streams) -> None:
    invocations, other = NAMES.invocations_stream, NAMES.pool_consumer("other")
    async with (
        stack_nats.connected("orchestration") as center,
        stack_nats.connected("host") as host,
    ):
        await center.jetstream().publish(NAMES.invocation(ELSEWHERE), b"not for you")
        await host.may_not_say(f"$JS.API.CONSUMER.MSG.NEXT.{invocations}.{other}", b"1")
        await host.may_not_say(
            f"$JS.API.CONSUMER.CREATE.{invocations}.{other}.{NAMES.pool_invocations('other')}"
        )
        await host.may_not_say(f"{GET}.{invocations}", b'{"seq": 1}')
        await host.may_not_say(f"$JS.ACK.{invocations}.{other}.1.1.1.1.0", b"+ACK")
        await host.may_not_hear(NAMES.all_invocations)
        # Its own consumer with another pool's filter: JetStream compares the request with the subject.
        own = f"{invocations}.{NAMES.pool_consumer('default')}.{NAMES.pool_invocations('default')}"
        config = {
            "name": NAMES.pool_consumer("default"),
            "ack_policy": "explicit",
            "filter_subject": NAMES.pool_invocations("other"),
        }
        request = {"stream_name": invocations, "config": config}
        answer = await host.asked(f"$JS.API.CONSUMER.CREATE.{own}", json.dumps(request).encode())
        assert json.loads(answer.data)["error"]["err_code"] == 10131


async def test_a_host_with_a_user_of_its_own_speaks_for_nobody_else(
    stack_nats: StackNats, streams: Streams
) -> None:
    async with stack_nats.connected("host-h1") as host:
        await host.jetstream().publish(NAMES.report(0, "h1"), b"mine")
        await host.may_not_say(NAMES.report(0, "h2"))
        await host.may_not_say(NAMES.logs("h2"))
        await host.may_not_hear("_INBOX.host.>")


async def test_a_reader_hears_bells_and_sees_counts_and_no_more(
    stack_nats: StackNats, streams: Streams
) -> None:
    async with (
        stack_nats.connected("orchestration") as center,
        stack_nats.connected("reader") as reader,
    ):
        bells = await reader.subscribe(NAMES.bell("*"))
        await reader.flush()
        await center.publish(NAMES.bell("default"), b"look")
        await center.flush()
        assert (await bells.next_msg(timeout=10)).data == b"look"
        info = await reader.jetstream().stream_info(NAMES.reports_stream)
        assert (info.state.messages, reader.complaints.qsize()) == (0, 0)
        for subject in (NAMES.claim, NAMES.cancel, NAMES.report(0, "h1"), NAMES.bell("default")):
            await reader.may_not_say(subject)
        await reader.may_not_say(f"{GET}.{NAMES.reports_stream}", b'{"seq": 1}')
        await reader.may_not_say("$JS.API.STREAM.CREATE.MINE")
        for subject in (NAMES.all_reports, NAMES.all_invocations, NAMES.all_logs, "_INBOX.host.>"):
            await reader.may_not_hear(subject)


async def test_nobody_gets_in_without_a_password(stack_nats: StackNats) -> None:
    async with stack_nats.connected("reader"):
        pass
    reader, writer = await asyncio.open_connection("127.0.0.1", stack_nats.port)
    await reader.readline()  # INFO
    writer.write(b'CONNECT {"verbose": false, "user": "host", "pass": ""}\r\nPING\r\n')
    assert b"Authorization Violation" in await asyncio.wait_for(reader.read(200), 10)
    writer.close()
