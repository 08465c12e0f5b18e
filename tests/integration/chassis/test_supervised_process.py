"""A real process under the supervisor: signals, exit codes, and fatal errors in one line."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process

import pytest

PROGRAM = """
import asyncio, sys
from airlock_chassis.supervisor import Supervisor, run
from airlock_chassis.telemetry import configure_logs, get_logger
from airlock_chassis.bus import Bus
from airlock_chassis.settings import ChassisSettings

mode = sys.argv[1]
log = get_logger("demo")

async def work(stop):
    log.info("work.started")
    await stop.wait()
    if mode == "stuck":
        await asyncio.Event().wait()
    log.info("work.drained")

async def main():
    configure_logs(service="demo", version="0.0.0")
    if mode == "nats":
        await Bus.connect("nats://127.0.0.1:9", timeout=2)
    if mode == "settings":
        ChassisSettings.load()
    supervisor = Supervisor()
    supervisor.add("work", work)
    if mode == "crash":
        async def crash(stop):
            raise RuntimeError("a bug of ours")
        supervisor.add("crash", crash)
    return await supervisor.run()

raise SystemExit(run(main))
"""


async def start(mode: str, **environ: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, mode, stdout=PIPE, stderr=PIPE, env={"PATH": "/usr/bin", **environ}
    )


async def line_of(process: Process, event: str) -> dict[str, object]:
    """Read log lines until this event."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while raw := await process.stdout.readline():
            line: dict[str, object] = json.loads(raw)
            if line["event"] == event:
                return line
    raise AssertionError(f"no {event}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_0(number: signal.Signals) -> None:
    process = await start("plain")
    await line_of(process, "work.started")
    process.send_signal(number)
    await line_of(process, "work.drained")
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_second_signal_exits_at_once() -> None:
    process = await start("stuck")
    await line_of(process, "work.started")
    process.send_signal(signal.SIGTERM)
    await line_of(process, "process.stopping")
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 5) == 128 + signal.SIGTERM


async def test_a_crash_is_logged_whole_and_exits_1() -> None:
    process = await start("crash")
    line = await line_of(process, "service.crashed")
    assert "a bug of ours" in str(line["exception"])
    assert await asyncio.wait_for(process.wait(), 10) == 1


@pytest.mark.parametrize(
    ("mode", "environ", "words"),
    [
        ("nats", {}, "NATS at nats://127.0.0.1:9 does not answer"),
        ("settings", {"AIRLOCK_LOG_LEVL": "DEBUG"}, "did you mean AIRLOCK_LOG_LEVEL?"),
    ],
)
async def test_what_makes_work_impossible_is_one_line_and_exit_1(
    mode: str, environ: dict[str, str], words: str
) -> None:
    process = await start(mode, **environ)
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert words in errors.decode()
    assert errors.count(b"\n") == 1
