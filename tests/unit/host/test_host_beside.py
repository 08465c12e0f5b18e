"""Work, and what may end it: nothing is left running, whoever was first."""

import asyncio
import contextlib

import pytest
from airlock_agents.host.beside import run_beside


class Stop(Exception):
    """What ends the work."""


async def forever() -> None:
    await asyncio.Event().wait()


async def raise_stop() -> None:
    raise Stop


async def test_the_work_answers_and_what_stood_beside_it_is_cancelled() -> None:
    ended = []

    async def beside() -> None:
        try:
            await forever()
        finally:
            ended.append(True)

    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await run_beside(work(), beside()) == 7
    assert ended == [True]


async def test_what_stands_beside_it_ends_the_work_and_waits_for_its_clean_up() -> None:
    cleaned = []

    async def work() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(True)

    with pytest.raises(Stop):
        await run_beside(work(), raise_stop())
    assert cleaned == [True]


async def test_the_work_goes_on_when_what_stands_beside_it_has_nothing_more_to_say() -> None:
    async def work() -> str:
        await asyncio.sleep(0.01)
        return "done"

    async def beside() -> None:
        return None

    assert await run_beside(work(), beside()) == "done"


async def test_work_that_was_done_counts_although_the_end_came_at_the_same_moment() -> None:
    async def work() -> str:
        return "done"

    assert await run_beside(work(), raise_stop()) == "done"


async def test_a_cancel_from_outside_waits_for_the_clean_up_also_when_it_comes_twice() -> None:
    cleaned = asyncio.Event()
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await forever()
        finally:
            await asyncio.sleep(0.02)
            cleaned.set()

    task = asyncio.create_task(run_beside(work(), forever()))
    await started.wait()
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert cleaned.is_set()
