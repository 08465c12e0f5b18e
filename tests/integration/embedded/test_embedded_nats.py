"""A real nats-server in a data folder: messages kept, each kind of process with its own rights."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import nats
import pytest
from airlock_chassis.bus.client import HearingClient as Client
from airlock_client.embedded import EmbeddedNats, FolderInUse, FolderRefused, ServerFailed
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[tuple[Client, asyncio.Queue[str]]]:
    """A connection, and what the server reproaches it with."""
    complaints: asyncio.Queue[str] = asyncio.Queue()

    async def note(error: Exception) -> None:
        complaints.put_nowait(str(error).lower())

    client = Client()
    try:
        inbox = f"_INBOX.{urlsplit(url).username}"
        await client.connect(url, error_cb=note, allow_reconnect=False, connect_timeout=5, inbox_prefix=inbox)
        yield client, complaints
    finally:
        await client.close()


async def _keep_a_message(url: str) -> None:
    async with _connected(url) as (client, _):
        stream = client.jetstream()
        await stream.add_stream(name="KEPT", subjects=["kept.>"])
        await stream.publish("kept.one", b"payload")


async def _read_the_message(url: str) -> bytes:
    async with _connected(url) as (client, _):
        message = await client.jetstream().get_last_msg("KEPT", "kept.one")
        assert message.data is not None
        return message.data


async def test_an_acknowledged_message_survives_kill_9_and_the_port_stays(data_dir: Path) -> None:
    async with EmbeddedNats(data_dir) as server:
        url = server.url()
        await _keep_a_message(url)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        assert server.url() == url
        assert await _read_the_message(url) == b"payload"


async def test_a_server_killed_behind_our_back_is_noticed_and_starts_again(data_dir: Path) -> None:
    async with EmbeddedNats(data_dir) as server:
        port = server.port
        os.kill(server.pid, signal.SIGKILL)
        assert await server.ended() == "ended by SIGKILL"
        await asyncio.to_thread(server.start)
        assert server.port == port


async def test_a_client_reconnects_to_a_restarted_server(data_dir: Path) -> None:
    back = asyncio.Event()

    async def reconnected() -> None:
        back.set()

    async def quiet(_: Exception) -> None:
        """The lost connection is the point of the test."""

    async with EmbeddedNats(data_dir) as server:
        client = await nats.connect(
            server.url(), reconnected_cb=reconnected, error_cb=quiet, reconnect_time_wait=0.05
        )
        await asyncio.to_thread(server.restart)
        async with asyncio.timeout(20):
            await back.wait()
        await client.flush()
        await client.close()


async def test_the_next_start_finds_messages_port_and_passwords_again(data_dir: Path) -> None:
    async with EmbeddedNats(data_dir) as server:
        url = server.url()
        await _keep_a_message(url)
    async with EmbeddedNats(data_dir) as server:
        assert server.url() == url
        assert await _read_the_message(url) == b"payload"


async def test_no_one_gets_in_without_a_password(data_dir: Path) -> None:
    async with EmbeddedNats(data_dir) as server:
        for login in ("", "host:wrong@", "host:@"):
            with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
                async with _connected(f"nats://{login}127.0.0.1:{server.port}"):
                    pass


async def test_each_kind_of_process_has_its_own_password(data_dir: Path) -> None:
    async with EmbeddedNats(data_dir) as server:
        urls = [server.url("orchestration"), server.url("host"), server.url("reader")]
        for url in urls:
            async with _connected(url) as (client, _):
                await client.flush()
        assert len({url.partition("@")[0].rpartition(":")[2] for url in urls}) == 3


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("host", "airlock.invocations.default.run.node.1"),
        ("host", "airlock.control.cancel"),
        ("host", "airlock.bell.default"),
        ("host", "$JS.API.STREAM.DELETE.REPORTS"),
        ("host", "$JS.API.STREAM.UPDATE.REPORTS"),
        ("reader", "airlock.reports.0.host"),
        ("reader", "airlock.control.claim"),
        ("reader", "$JS.API.STREAM.CREATE.MINE"),
    ],
)
async def test_a_process_may_not_say_what_is_not_its_to_say(
    nats_server: EmbeddedNats, user: str, subject: str
) -> None:
    async with _connected(nats_server.url(user)) as (client, complaints):  # type: ignore[arg-type]
        await client.publish(subject, b"")
        await client.flush()
        complaint = await asyncio.wait_for(complaints.get(), 10)
        assert f'permissions violation for publish to "{subject}"'.lower() in complaint


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("host", "airlock.reports.0.>"),
        ("host", "airlock.control.claim"),
        ("host", "_INBOX.>"),
        ("host", "_INBOX.orchestration.>"),
        ("reader", "airlock.invocations.>"),
        ("reader", "airlock.control.claim"),
    ],
)
async def test_a_process_may_not_hear_what_is_not_for_it(
    nats_server: EmbeddedNats, user: str, subject: str
) -> None:
    async with _connected(nats_server.url(user)) as (client, complaints):  # type: ignore[arg-type]
        await client.subscribe(subject)
        await client.flush()
        complaint = await asyncio.wait_for(complaints.get(), 10)
        assert f'permissions violation for subscription to "{subject}"'.lower() in complaint


async def test_a_host_may_do_all_its_work(nats_server: EmbeddedNats, nats_prefix: str) -> None:
    """Fetch and ack invocations, report, ask, and hear cancels."""
    async with (
        _connected(nats_server.url("orchestration")) as (center, _),
        _connected(nats_server.url("host")) as (host, complaints),
    ):
        await center.jetstream().add_stream(
            name=f"{nats_prefix}_I", subjects=[f"{nats_prefix}.invocations.>"]
        )
        await center.jetstream().add_stream(name=f"{nats_prefix}_R", subjects=[f"{nats_prefix}.reports.>"])
        await center.jetstream().publish(f"{nats_prefix}.invocations.default.r.n.1", b"work")

        async def grant(message: Msg) -> None:
            await message.respond(b"granted")

        await center.subscribe(f"{nats_prefix}.control.claim", cb=grant)
        await center.flush()
        cancels = await host.subscribe(f"{nats_prefix}.control.cancel")
        await host.flush()
        mine = ConsumerConfig(name="hosts-default", filter_subject=f"{nats_prefix}.invocations.default.>")
        await host.jetstream().add_consumer(f"{nats_prefix}_I", mine)
        pull = await host.jetstream().pull_subscribe_bind("hosts-default", f"{nats_prefix}_I")
        [invocation] = await pull.fetch(1, timeout=5)
        answer = await host.request(f"{nats_prefix}.control.claim", b"may I", timeout=5)
        await host.jetstream().publish(f"{nats_prefix}.reports.0.h", invocation.data)
        await invocation.ack_sync()
        await center.publish(f"{nats_prefix}.control.cancel", b"stop")
        heard = await cancels.next_msg(timeout=5)
        assert (answer.data, heard.data, complaints.qsize()) == (b"granted", b"stop", 0)


def test_no_password_is_on_the_command_line_in_the_environment_or_in_the_log(data_dir: Path) -> None:
    with EmbeddedNats(data_dir) as server:
        passwords = json.loads((data_dir / "passwords.json").read_bytes())
        seen = server.log.read_bytes()
        for pid in (server.pid, int(Path(f"/proc/{server.pid}/stat").read_text().split()[3])):
            seen += Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    assert [user for user, password in passwords.items() if password.encode() in seen] == []


def test_the_folder_is_for_its_owner_alone(data_dir: Path) -> None:
    with EmbeddedNats(data_dir):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data_dir.iterdir()}
    assert modes.pop("jetstream") == 0o700
    assert stat.S_IMODE(data_dir.stat().st_mode) & 0o066 == 0
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}


def test_a_second_start_on_a_folder_in_use_is_refused_at_once(data_dir: Path) -> None:
    with EmbeddedNats(data_dir) as server:
        with pytest.raises(FolderInUse, match=f"in use by process {os.getpid()}"):
            EmbeddedNats(data_dir).start()
        assert server.exit_code() is None


async def test_two_servers_live_beside_each_other(data_dir: Path) -> None:
    async with EmbeddedNats(data_dir / "a") as one, EmbeddedNats(data_dir / "b") as two:
        await _keep_a_message(one.url())
        with pytest.raises(nats.js.errors.NotFoundError):
            await _read_the_message(two.url())


def test_a_port_taken_meanwhile_moves_the_next_start_but_not_a_restart(data_dir: Path) -> None:
    server = EmbeddedNats(data_dir)
    with server:
        port = server.port
    with socket.create_server(("127.0.0.1", port)):
        with EmbeddedNats(data_dir) as moved:
            assert moved.port != port
        with pytest.raises(ServerFailed, match="address already in use"):
            server.start()


def test_a_setting_that_the_server_refuses_shows_its_own_words(data_dir: Path) -> None:
    with pytest.raises(ServerFailed, match=r"ended while starting \(exit code 1\)[^$]*sync_interval"):
        EmbeddedNats(data_dir, sync_interval="soon").start()


def test_damaged_passwords_are_named(data_dir: Path) -> None:
    with EmbeddedNats(data_dir):
        pass
    (data_dir / "passwords.json").write_text("not json")
    with pytest.raises(FolderRefused, match="is damaged"):
        EmbeddedNats(data_dir).start()
