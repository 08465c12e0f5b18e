"""What a look at a NATS server tells: what is missing, what differs, what waits; and it changes nothing."""

from dataclasses import replace

import pytest
from airlock_chassis.bus import Bus, NoAnswer
from airlock_chassis.bus.inspection import account, look_at_consumers, look_at_streams
from airlock_client.embedded import EmbeddedNats

from .conftest import Corner


async def test_streams_that_are_as_declared_show_what_waits_in_them(corner: Corner) -> None:
    await corner.bus.jetstream.publish(corner.attempt(1), b"{}")
    await corner.bus.jetstream.publish(corner.attempt(2), b"{}")
    invocations, reports, letters = await look_at_streams(corner.bus, corner.layout.streams)
    assert (invocations.present, invocations.drift, invocations.messages) == (True, (), 2)
    assert invocations.bytes > 0
    assert invocations.oldest_seconds is not None
    assert -1 < invocations.oldest_seconds < 60
    assert (reports.messages, reports.oldest_seconds) == (0, None)
    assert letters.present


async def test_a_stream_that_is_missing_or_differs_is_named_and_left_as_it_is(corner: Corner) -> None:
    jetstream = corner.bus.jetstream
    _, reports, letters = corner.layout.streams
    found = (await jetstream.stream_info(letters.name)).config
    await jetstream.update_stream(found.evolve(max_age=3600.0, max_bytes=1024 * 1024))
    declared = [corner.layout.invocations, replace(reports, name=f"{reports.name}-x"), letters]
    looks = await look_at_streams(corner.bus, declared)
    assert [look.present for look in looks] == [True, False, True]
    assert looks[2].drift == ("max_bytes", "max_age")
    assert (await jetstream.stream_info(letters.name)).config.max_age == 3600.0


async def test_consumers_show_what_waits_for_them(corner: Corner) -> None:
    declared = corner.layout.pool_consumer("default")
    await corner.streams.declare(declared)
    await corner.bus.jetstream.publish(corner.attempt(1), b"{}")
    shorter = replace(declared, ack_wait=5.0)
    missing = corner.layout.pool_consumer("gpu")
    there, differing, absent = await look_at_consumers(corner.bus, [declared, shorter, missing])
    assert (there.present, there.drift, there.waiting, there.unacked) == (True, (), 1, 0)
    assert differing.drift == ("ack_wait",)
    assert not absent.present


async def test_the_account_tells_the_servers_version_and_what_it_holds(
    corner: Corner, nats_server: EmbeddedNats
) -> None:
    found = await account(corner.bus)
    assert [part.isdecimal() for part in found.server.split(".")] == [True] * 3
    assert found.streams >= len(corner.layout.streams)


async def test_a_server_that_is_gone_is_no_answer(servers_folder: object, nats_prefix: str) -> None:
    server = EmbeddedNats(f"{servers_folder}/{nats_prefix}-gone")
    async with server:
        bus = await Bus.connect(server.url(), name="test")
    try:
        with pytest.raises(NoAnswer):
            await account(bus)
    finally:
        await bus.close()
