"""What agents say goes out as it is said: numbered, bounded, masked; and what gets lost is counted."""

import asyncio
from collections import UserDict
from collections.abc import AsyncIterator, Awaitable, Callable, ItemsView
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airlock_agents.host.logs import AttemptLog, Logs
from airlock_chassis.bus import Bus, Request
from airlock_chassis.telemetry.secrets import forget_secrets, register_secret
from airlock_client.embedded import EmbeddedNats
from airlock_contracts.logs import MAX_ATTEMPT_BYTES, MAX_LINES, AgentLog, LogLine, LogStream
from airlock_contracts.messages import AttemptId, ReportStatus
from airlock_contracts.subjects import Subjects
from fake_orchestration import FakeOrchestration, until
from host_process import HostProcess

StartHost = Callable[..., Awaitable[HostProcess]]
ATTEMPT = AttemptId(run="01990000-0000-7000-8000-000000000001", node="scan", number=2)
TOKEN = "token-0123456789abcdef"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TALKER = """
import sys, json, time
def send(header, body=b""):
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\\n" + body); sys.stdout.buffer.flush()
print("importing", file=sys.stderr, flush=True)
send({"type": "ready", "protocol": "airlock/1", "sdk": "0"})
request = json.loads(sys.stdin.buffer.readline())
sys.stdin.buffer.read(request["size"])
send({"type": "log", "level": "warning", "message": "\\x1b[2Jlook", "fields": {"files": 3, "token": "t"}})
send({"type": "progress", "message": "half", "fraction": 0.5})
print("warming up\\n\\x1b]0;pwned\\x07", file=sys.stderr, flush=True)
time.sleep(%SECONDS%)
print("no end of line", end="", file=sys.stderr, flush=True)
send({"type": "result", "size": 2}, b"{}")
"""


@dataclass
class Heard:
    """What came from hosts."""

    messages: list[AgentLog] = field(default_factory=list)

    async def hear(self, request: Request) -> None:
        self.messages.append(AgentLog.decode(request.payload)[0])

    @property
    def lines(self) -> list[LogLine]:
        return [line for message in self.messages for line in message.lines]

    def texts(self, stream: LogStream | None = None) -> list[str]:
        return [line.message for line in self.lines if stream in (None, line.stream)]


@dataclass
class Shipping:
    """A host's logs on a bus of their own, and who hears them."""

    bus: Bus
    listener: Bus
    subjects: Subjects
    logs: Logs
    heard: Heard

    def of(self) -> AttemptLog:
        return self.logs.of(ATTEMPT, TOKEN)


@asynccontextmanager
async def shipping_on(server: EmbeddedNats, prefix: str) -> AsyncIterator[Shipping]:
    """A host's logs, sent and heard over this server."""
    subjects, heard = Subjects(prefix), Heard()
    async with (
        await Bus.connect(server.url("host"), name="test") as bus,
        await Bus.connect(server.url(), name="test") as listener,
    ):
        await listener.subscribe(subjects.all_logs, heard.hear)
        await listener.flush()
        logs = Logs(bus, subjects, host="host-1", clock=lambda: AT, monotonic=lambda: 0.0)
        stop = asyncio.Event()
        running = asyncio.create_task(logs.run(stop))
        yield Shipping(bus, listener, subjects, logs, heard)
        stop.set()
        await running


@pytest.fixture
async def shipping(nats_server: EmbeddedNats, nats_prefix: str) -> AsyncIterator[Shipping]:
    async with shipping_on(nats_server, nats_prefix) as made:
        yield made


async def test_lines_go_out_by_themselves_numbered_and_with_the_attempt_s_token(shipping: Shipping) -> None:
    said = shipping.of()
    said.log("error", "first", {"n": 1})
    said.stderr(b"second\nthird without an e")
    await until(lambda: len(shipping.heard.lines) == 2)
    await said.finish()
    await until(lambda: len(shipping.heard.lines) == 3)
    (first, *_), lines = shipping.heard.messages, shipping.heard.lines
    assert (first.attempt, first.token, first.host) == (ATTEMPT, TOKEN, "host-1")
    assert [(line.number, line.message) for line in lines] == [
        (1, "first"),
        (2, "second"),
        (3, "third without an e"),
    ]
    assert (lines[0].level, lines[0].fields, lines[0].at) == ("error", {"n": 1}, AT)


async def test_an_agent_that_says_nothing_sends_nothing(shipping: Shipping) -> None:
    await shipping.of().finish()
    talker = shipping.of()
    talker.stderr(b"\n")
    await talker.finish()
    talker.stderr(b"a fence behind it\n")
    await until(lambda: shipping.heard.lines)
    assert shipping.heard.texts() == ["a fence behind it"]
    assert len(shipping.heard.messages) == 1


async def test_of_progress_the_newest_is_sent_now_and_then_and_at_the_end(shipping: Shipping) -> None:
    logs = Logs(shipping.bus, shipping.subjects, host="host-1", monotonic=lambda: 0.0)
    said = logs.of(ATTEMPT, TOKEN)
    for step in range(1000):
        said.progress(f"step {step}", step / 1000)
    said.log("info", "between", {})
    said.progress("done", 1.0)
    await said.finish()
    await until(lambda: len(shipping.heard.lines) == 3)
    assert shipping.heard.texts() == ["step 0", "between", "done"]
    assert [line.number for line in shipping.heard.lines] == [1, 2, 3]


async def test_the_newest_progress_goes_out_by_itself_though_nothing_follows_it(shipping: Shipping) -> None:
    said = Logs(shipping.bus, shipping.subjects, host="host-1")
    stop = asyncio.Event()
    running = asyncio.create_task(said.run(stop))
    talker = said.of(ATTEMPT, TOKEN)
    talker.progress("first", 0.1)
    talker.progress("second", 0.2)
    talker.progress("third", 0.3)
    await until(lambda: shipping.heard.texts()[-1:] == ["third"])
    assert shipping.heard.texts()[0] == "first"
    stop.set()
    await running


async def test_hours_of_progress_leave_room_for_what_is_said_at_the_end(
    shipping: Shipping,
) -> None:
    now = 0.0
    logs = Logs(shipping.bus, shipping.subjects, host="host-1", monotonic=lambda: now)
    said = logs.of(ATTEMPT, TOKEN)
    for _ in range(6 * 3600 * 5):
        now += 0.2
        said.progress("on and on", None)
    said.log("error", "the end", {})
    lines = [line for line, _ in said.take()]
    assert len(lines) < 2000
    assert lines[-1].message == "the end"
    said.lose(lines)


async def test_a_clock_that_is_set_back_silences_no_progress(shipping: Shipping) -> None:
    at, passed = AT, 0.0
    logs = Logs(shipping.bus, shipping.subjects, host="host-1", clock=lambda: at, monotonic=lambda: passed)
    said = logs.of(ATTEMPT, TOKEN)
    said.progress("before", 0.1)
    at, passed = AT - timedelta(hours=1), 1.0
    said.progress("after", 0.2)
    lines = [line for line, _ in said.take()]
    assert [(line.message, line.at) for line in lines] == [("before", AT), ("after", at)]


async def test_what_follows_the_end_of_a_log_is_not_even_looked_at(shipping: Shipping) -> None:
    class Untouched(UserDict[str, int]):
        looked_at = 0

        def items(self) -> ItemsView[str, int]:
            Untouched.looked_at += 1
            return super().items()

    said = shipping.of()
    for _ in range(MAX_LINES + 10):
        said.log("info", "x", Untouched(n=1))
    assert Untouched.looked_at < MAX_LINES
    await said.finish()


async def test_secrets_are_masked_and_controls_made_visible(shipping: Shipping) -> None:
    register_secret("s3cr3t-of-this-host")
    try:
        said = shipping.of()
        said.stderr(b"key s3cr3t-of-this-host \x1b[31mred\x1b[0m nats://u:pw@h\n")
        said.log("info", "x", {"password": "hunter22", "nested": {"url": "see s3cr3t-of-this-host"}})
        await said.finish()
    finally:
        forget_secrets()
    await until(lambda: len(shipping.heard.lines) == 2)
    assert shipping.heard.texts()[0] == "key *** \\u001b[31mred\\u001b[0m nats://***@h"
    assert shipping.heard.lines[1].fields == {"password": "***", "nested": {"url": "see ***"}}


@pytest.mark.parametrize("line", [b"short\n", b"x" * 20_000 + b"\n"])
async def test_an_attempt_s_log_is_bounded_and_says_where_it_ends(shipping: Shipping, line: bytes) -> None:
    said = shipping.of()
    for _ in range(MAX_LINES + 100):
        said.stderr(line)
    await said.finish()
    said.stderr(b"more\n")
    await said.finish()
    await until(lambda: LogStream.AIRLOCK in {one.stream for one in shipping.heard.lines})
    lines = shipping.heard.lines
    assert len(lines) <= MAX_LINES
    assert sum(len(one.message) for one in lines) <= MAX_ATTEMPT_BYTES + 200
    assert lines[-1].message.endswith("what follows is not shown")
    assert [one.number for one in lines] == list(range(1, len(lines) + 1))


async def test_fields_that_are_too_large_are_left_out_and_that_is_said(shipping: Shipping) -> None:
    said = shipping.of()
    said.log("info", "big", {"x": "y" * 20_000})
    said.log("info", "wide", {"x": 2**70})
    await said.finish()
    await until(lambda: len(shipping.heard.lines) == 2)
    big, wide = shipping.heard.lines
    assert big.fields == {"omitted": "20008 bytes of fields"}
    assert wide.fields == {"omitted": "fields that are no plain JSON"}


async def test_lines_during_an_outage_are_lost_counted_and_delay_nobody(
    servers_folder: Path, nats_prefix: str
) -> None:
    server = EmbeddedNats(servers_folder / nats_prefix)
    async with server, shipping_on(server, nats_prefix) as shipping:
        said, quiet = shipping.of(), shipping.of()
        await asyncio.to_thread(server.kill)
        await until(lambda: not shipping.bus.connected)
        quiet.stderr(b"its last word\n")
        for text in (b"a\n", b"b\n"):
            said.stderr(text)
            async with asyncio.timeout(1):
                await said.flush()
        await until(lambda: quiet.lost == 1)
        assert said.lost == 2
        await asyncio.to_thread(server.start)
        await until(lambda: shipping.bus.connected and shipping.listener.connected)
        await shipping.listener.flush()
        said.stderr(b"c\n")
        await said.flush()
        await until(lambda: len(shipping.heard.lines) == 2)
        remark, after = shipping.heard.lines
        assert remark.stream is LogStream.AIRLOCK
        assert remark.message.startswith("2 lines lost before this")
        assert after.message == "c"
        await quiet.finish()
        await until(lambda: len(shipping.heard.lines) == 3)
        assert shipping.heard.texts()[-1] == "1 line lost before this: the host could not send them"
        assert said.lost == quiet.lost == 0


async def test_a_real_agent_is_heard_while_it_works(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    heard = Heard()
    await other_side.bus.subscribe(other_side.subjects.all_logs, heard.hear)
    host = await start_host()
    code = TALKER.replace("%SECONDS%", "6")
    agent = other_side.register(["python3", "-I", "-c", code], protocol="airlock/1")
    attempt = await other_side.dispatch(agent)
    await until(lambda: "warming up" in heard.texts())
    assert not other_side.reports_of(attempt), "the lines came only with the report"
    report, _ = await other_side.report_of(attempt)
    assert report.status is ReportStatus.SUCCESS, host.output()
    await until(lambda: "no end of line" in heard.texts())
    assert heard.texts(LogStream.LOG) == ["\\u001b[2Jlook"]
    assert heard.texts(LogStream.STDERR) == [
        "importing",
        "warming up",
        "\\u001b]0;pwned\\u0007",
        "no end of line",
    ]
    (progress,) = (line for line in heard.lines if line.stream is LogStream.PROGRESS)
    assert (progress.message, progress.fraction) == ("half", 0.5)
    assert {message.token for message in heard.messages} == {report.token}
    assert {str(message.attempt) for message in heard.messages} == {attempt}


async def test_an_agent_that_never_gets_ready_leaves_its_last_words(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    heard = Heard()
    await other_side.bus.subscribe(other_side.subjects.all_logs, heard.hear)
    await start_host()
    broken = other_side.register(["python3", "-I", "-c", "import no_such_module"], protocol="airlock/1")
    report, _ = await other_side.report_of(await other_side.dispatch(broken))
    assert report.status is ReportStatus.FAILED
    await until(lambda: any("No module named 'no_such_module'" in text for text in heard.texts()))
