"""The supervisor: what it does when services end, crash, or are stopped."""

import asyncio

import pytest
from airlock_chassis.health import Health
from airlock_chassis.supervisor import MAX_RESTART_SECONDS, Supervisor, restart_pause


async def patient(stop: asyncio.Event) -> None:
    await stop.wait()


async def test_a_crash_ends_the_process_with_1_and_the_others_stop_in_order() -> None:
    ended: list[str] = []
    health = Health("svc", "1")

    async def crash(stop: asyncio.Event) -> None:
        raise RuntimeError("bug")

    async def other(stop: asyncio.Event) -> None:
        await stop.wait()
        ended.append("other")

    supervisor = Supervisor(health)
    supervisor.add("crash", crash)
    supervisor.add("other", other)
    assert await supervisor.run(signals=False) == 1
    assert ended == ["other"]
    assert not health.accepting


async def test_a_service_that_returns_unasked_is_a_crash() -> None:
    async def brief(stop: asyncio.Event) -> None:
        return

    supervisor = Supervisor()
    supervisor.add("brief", brief)
    supervisor.add("patient", patient)
    assert await supervisor.run(signals=False) == 1


async def test_stages_stop_one_after_the_other_with_readiness_off_first() -> None:
    order: list[str] = []
    health = Health("svc", "1")
    drained = asyncio.Event()

    async def intake(stop: asyncio.Event) -> None:
        await stop.wait()
        order.append(f"intake asked, ready {health.accepting}")
        await asyncio.sleep(0.05)
        drained.set()

    async def heartbeat(stop: asyncio.Event) -> None:
        await stop.wait()
        order.append(f"heartbeat asked, drained {drained.is_set()}")

    supervisor = Supervisor(health)
    supervisor.add("heartbeat", heartbeat, stage=1)
    supervisor.add("intake", intake)
    running = asyncio.create_task(supervisor.run(signals=False))
    await asyncio.sleep(0)
    assert health.accepting
    supervisor.request_stop("test")
    assert await running == 0
    assert order == ["intake asked, ready False", "heartbeat asked, drained True"]


async def test_who_is_not_done_within_the_drain_is_cancelled_and_may_hand_back() -> None:
    handed_back = asyncio.Event()

    async def slow(stop: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            handed_back.set()

    supervisor = Supervisor(drain_seconds=0.05)
    supervisor.add("slow", slow)
    running = asyncio.create_task(supervisor.run(signals=False))
    await asyncio.sleep(0)
    supervisor.request_stop("test")
    async with asyncio.timeout(5):
        assert await running == 0
    assert handed_back.is_set()


async def test_a_restartable_service_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airlock_chassis.supervisor.FIRST_RESTART_SECONDS", 0.001)
    starts = 0
    supervisor = Supervisor()

    async def fragile(stop: asyncio.Event) -> None:
        nonlocal starts
        starts += 1
        if starts < 4:
            raise ConnectionError("again")
        supervisor.request_stop("it works")
        await stop.wait()

    supervisor.add("fragile", fragile, restartable=True)
    assert await supervisor.run(signals=False) == 0
    assert starts == 4


def test_pauses_between_starts_grow_and_stay_bounded() -> None:
    pauses = [restart_pause(failures, 1.0) for failures in range(1, 200)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == MAX_RESTART_SECONDS
    assert restart_pause(3, 0.0) == restart_pause(3, 1.0) / 2
