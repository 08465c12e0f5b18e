"""What is known of a sandbox's counts: as they were seen last, soon at first and then seldom."""

import asyncio

import pytest
from airlock_agents.sandbox.cgroup import Counted
from airlock_agents.sandbox.counts import Counts


class Kernel:
    """Counts ten milliseconds more at each look, and nothing any more once the container has ended."""

    def __init__(self, lives: int) -> None:
        self.lives = lives
        self.looks = 0
        self.over = asyncio.Event()

    async def read(self) -> Counted | None:
        self.looks += 1
        if self.looks > self.lives:
            self.over.set()
            return None
        return Counted(oom_kills=0, peak_memory_bytes=self.looks, cpu_ms=10.0 * self.looks)


async def test_what_was_seen_last_stays_when_the_container_has_ended() -> None:
    kernel = Kernel(lives=2)
    counts = Counts(kernel.read)
    async with counts.watched():
        await kernel.over.wait()
    assert counts.last == Counted(oom_kills=0, peak_memory_bytes=2, cpu_ms=20.0)
    assert await counts.look() is None


async def test_half_read_counts_of_one_that_ends_meanwhile_are_not_believed() -> None:
    seen = iter([Counted(0, 5, 10.0), Counted(None, None, None)])

    async def read() -> Counted | None:
        return next(seen)

    counts = Counts(read)
    await counts.look()
    await counts.look()
    assert counts.last == Counted(0, 5, 10.0)


async def test_who_is_cancelled_while_it_watches_is_cancelled_and_looks_no_more() -> None:
    kernel = Kernel(lives=1)
    counts = Counts(kernel.read)

    async def work() -> None:
        async with counts.watched():
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    await kernel.over.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    looks = kernel.looks
    await asyncio.sleep(0.1)
    assert kernel.looks == looks
