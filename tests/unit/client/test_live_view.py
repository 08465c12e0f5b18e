"""Following a run on the screen: however much happens, it is read now and then, and at the end."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from airlock_client.client import AirlockClient
from airlock_client.errors import ServerUnreachable
from airlock_client.show.live import Watch
from airlock_contracts.events import Event, EventType
from airlock_contracts.logs import LogLevel, LogStream, LogView
from airlock_contracts.statuses import AttemptStatus, NodeStatus, RunStatus
from airlock_contracts.views import RunView
from rich.console import Console
from shown_runs import AT, RUN, attempt, node, screen
from shown_runs import run as run_of


class Busy(AirlockClient):
    """A service where a lot happens to one run; nothing is ever sent anywhere."""

    def __init__(self, events: int, seconds: float, *, breaks: bool = False) -> None:
        self._events = events
        self._pause = seconds / events
        self._breaks = breaks
        self.done = 0
        self.looks: list[int] = []

    async def run(self, run: str) -> RunView:
        self.looks.append(self.done)
        working = attempt(AttemptStatus.RUNNING, finished_at=None)
        if self.done < self._events:
            return run_of(node("scan", NodeStatus.RUNNING, attempts=[working]), status=RunStatus.RUNNING)
        return run_of(node("scan"), status=RunStatus.SUCCESS)

    async def events(self, run: str, after: int = 0) -> AsyncIterator[Event]:
        for number in range(1, self._events + 1):
            await asyncio.sleep(self._pause)
            self.done = number
            kind = EventType.RUN_FINISHED if number == self._events else EventType.NODE_QUEUED
            yield Event(run=RUN, seq=number, at=AT, type=kind, principal="airlock")
            if self._breaks:
                raise ServerUnreachable("nothing answers")

    async def follow_logs(self, run: str, *_: Any, **wanted: Any) -> AsyncIterator[LogView]:
        yield LogView(
            id=1,
            node="scan",
            attempt=1,
            number=1,
            at=AT,
            stream=LogStream.PROGRESS,
            level=LogLevel.INFO,
            message="reading app.py",
            fraction=0.5,
        )
        raise ServerUnreachable("gone")


async def test_many_events_are_a_few_looks_and_the_last_look_sees_the_end() -> None:
    console, written = screen(80)
    client = Busy(events=300, seconds=4)
    began = time.monotonic()
    view = await Watch(client, RUN, console).until_end()
    seconds = time.monotonic() - began
    assert view.status is RunStatus.SUCCESS
    assert client.looks[-1] == 300
    assert len(client.looks) <= 3 + 4 * seconds  # and not 300
    assert "50% reading app.py" in written.getvalue()
    assert "✓ scan" in written.getvalue()


async def test_progress_that_cannot_be_had_stops_nothing() -> None:
    console, _ = screen(80)
    client = Busy(events=2, seconds=0.1)
    assert (await Watch(client, RUN, console).until_end()).status is RunStatus.SUCCESS


async def test_a_service_that_goes_away_is_said_as_it_is() -> None:
    console, _ = screen(80)
    client = Busy(events=2, seconds=0.01, breaks=True)
    with pytest.raises(ServerUnreachable, match="nothing answers"):
        await Watch(client, RUN, console).until_end()


@pytest.mark.parametrize("kind", ["pipe", "dumb"])
async def test_a_pipe_and_a_dumb_terminal_get_lines(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb" if kind == "dumb" else "xterm")
    console = Console(force_terminal=kind == "dumb", width=80, color_system=None, record=True)
    client = Busy(events=2, seconds=0.01)
    with console.capture() as captured:
        await Watch(client, RUN, console).until_end()
    assert captured.get() == "03:04:05  run.finished                      \n"
    assert len(client.looks) == 1


async def test_lines_tell_progress_now_and_then_and_each_step_of_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("airlock_client.show.live.PROGRESS_SECONDS", 0.02)
    console = Console(width=80, color_system=None, record=True)
    with console.capture() as captured:
        await Watch(Busy(events=2, seconds=0.3), RUN, console).until_end()
    told = captured.get().splitlines()
    assert [line.split("  ", 1)[1].split() for line in told] == [
        ["progress", "scan", "50%", "reading", "app.py"],
        ["run.finished"],
    ]
