"""What is known of a sandbox's counts: all that was seen, soon at first and then seldom."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from airlock_agents.sandbox.cgroup import Counted
from airlock_agents.sandbox.counts import Counts


class Kernel:
    """Counts ten milliseconds more at each look, and nothing any more once the container has ended."""

    def __init__(self, lives: int) -> None:
        self.lives = lives
        self.looks = 0
        self.over = asyncio.Event()

    def read(self) -> Counted | None:
        self.looks += 1
        if self.looks > self.lives:
            self.over.set()
            return None
        return Counted(oom_kills=0, peak_memory_bytes=self.looks, cpu_ms=10.0 * self.looks)


def told(*seen: Counted) -> Callable[[], Counted]:
    looks = iter(seen)
    return lambda: next(looks)


async def test_what_was_seen_stays_when_the_container_has_ended() -> None:
    kernel = Kernel(lives=2)
    counts = Counts(kernel.read)
    counts.watch()
    await kernel.over.wait()
    await counts.close()
    assert counts.last == Counted(oom_kills=0, peak_memory_bytes=2, cpu_ms=20.0)
    assert counts.look() is None


@pytest.mark.parametrize(
    ("looks", "known"),
    [
        # At the moment of death: the kill is told, the processor's time not any more.
        ([Counted(0, 7, 8, 10.0), Counted(1, None, None, None)], Counted(1, 7, 8, 10.0)),
        ([Counted(1, 7, 8, 10.0), Counted(0, 3, None, 12.0)], Counted(1, 3, 8, 12.0)),
        ([Counted(0, 7, 8, 10.0), Counted(None, None, None, None)], Counted(0, 7, 8, 10.0)),
        # A machine that does not tell the processor's time.
        ([Counted(0, 7, 8, None)], Counted(0, 7, 8, None)),
        ([Counted(1, limit_reached=True), Counted(1)], Counted(1, limit_reached=True)),
    ],
)
def test_what_a_look_missed_is_known_from_another(looks: list[Counted], known: Counted) -> None:
    counts = Counts(told(*looks))
    for _ in looks:
        counts.look()
    assert counts.last == known


async def test_who_closes_looks_once_more_and_then_never() -> None:
    kernel = Kernel(lives=1000)
    counts = Counts(kernel.read, every_seconds=0.01)
    counts.watch()
    while kernel.looks < 3:
        await asyncio.sleep(0)
    looks = kernel.looks
    await counts.close()
    assert kernel.looks == looks + 1
    await asyncio.sleep(0.1)
    assert kernel.looks == looks + 1


async def test_one_that_goes_on_is_looked_at_as_often_as_was_asked_for() -> None:
    often, seldom = Kernel(lives=50), Kernel(lives=1000)
    both = Counts(often.read, every_seconds=0.01), Counts(seldom.read, every_seconds=0.5)
    for counts in both:
        counts.watch()
    await often.over.wait()
    for counts in both:
        await counts.close()
    assert seldom.looks < 25


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([Counted(0, processes=3), Counted(0, processes=1)], 0),
        # Its cgroup may stay for a while, or go at once.
        ([Counted(0, processes=3), Counted(0, processes=0), Counted(0, processes=0), None], 3),
        ([Counted(0, processes=3), None], 1),
        ([Counted(0), None], 1),
        # One that has not begun yet, or that nobody sees here, has not ended.
        ([None, Counted(0, processes=0), Counted(0, processes=1)], 0),
    ],
)
async def test_who_watches_hears_at_each_look_that_the_container_has_ended(
    looks: list[Counted | None], told: int
) -> None:
    heard, left, over = [], iter(looks), asyncio.Event()

    def read() -> Counted | None:
        try:
            return next(left)
        except StopIteration:
            over.set()
            return Counted(0, processes=1)

    counts = Counts(read, every_seconds=0.01, on_ended=lambda: heard.append(counts.last))
    counts.watch()
    await over.wait()
    await counts.close()
    assert len(heard) == told


async def test_a_bug_ends_the_watching_loudly_and_nothing_else() -> None:
    asked = asyncio.Event()

    def read() -> Counted | None:
        asked.set()
        raise ZeroDivisionError("a bug")

    counts = Counts(read)
    with structlog.testing.capture_logs() as lines:
        counts.watch()
        await asked.wait()
        await counts.close()
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("sandbox.not_watched", "error")
    assert isinstance(line["exc_info"], ZeroDivisionError)


@pytest.mark.parametrize(
    ("unseen", "pauses"),
    [
        (0, [0.04, 0.08, 0.16]),
        (100, [0.02] * 100 + [0.04, 0.08, 0.16]),
        (1000, [0.02] * 149 + [0.04, 0.08, 0.16, 0.32, 0.5, 0.5]),
    ],
)
async def test_one_that_may_start_any_moment_is_looked_at_often_until_it_lives_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, unseen: int, pauses: list[float]
) -> None:
    looks: list[Any] = [None] * unseen + [Counted(0, processes=1)] * 10
    taken: list[float] = []
    over = asyncio.Event()

    async def note(_: asyncio.Event, seconds: float) -> None:
        taken.append(seconds)
        if len(taken) > len(pauses):
            over.set()
        await asyncio.sleep(0)

    monkeypatch.setattr("airlock_agents.sandbox.counts.set_within", note)
    counts = Counts(told(*looks))
    counts.watch()
    await over.wait()
    await counts.close()
    assert taken[1 : len(pauses) + 1] == pauses
