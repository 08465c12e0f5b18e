"""However a try is interrupted, its cleaning up is done whole, and what it found out is kept."""

import asyncio
import signal
import subprocess
import time

import pytest
from airlock_agents.author.commands import _cancellable
from airlock_agents.sandbox import guard
from airlock_agents.sandbox.guard import guarded


async def test_a_second_signal_does_not_break_off_the_cleaning_up() -> None:
    cleaned = asyncio.Event()

    async def work() -> dict[str, object]:
        try:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(60)
        finally:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0.05)
            cleaned.set()
        return {}

    assert await _cancellable(work(), watch_stdin=False) is None
    assert cleaned.is_set()


async def test_a_guard_that_hangs_neither_stops_the_loop_nor_hides_the_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hung: list[subprocess.Popen[bytes]] = []

    def start(container: str, labels: dict[str, str]) -> "subprocess.Popen[bytes]":
        hung.append(subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE))
        return hung[0]

    monkeypatch.setattr(guard, "_start", start)
    monkeypatch.setattr(guard, "_END_SECONDS", 4.0)
    slowest = 0.0

    async def tick() -> None:
        nonlocal slowest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            slowest = max(slowest, time.monotonic() - began)

    ticking = asyncio.create_task(tick())
    with pytest.raises(LookupError, match="its outcome"):
        async with guarded("container", {}):
            raise LookupError("its outcome")
    ticking.cancel()
    assert slowest < 3.2
    assert hung[0].returncode == -signal.SIGKILL
