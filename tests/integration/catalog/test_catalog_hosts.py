"""Hosts on a real Postgres: as their heartbeats say, and gone by Postgres' clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airlock_contracts.messages import HeartbeatRequest
from airlock_contracts.statuses import HostStatus
from airlock_orchestration.operations.hosts import list_hosts
from airlock_orchestration.store import hosts as store
from airlock_orchestration.store.sessions import Sessions


def beat(**changes: Any) -> HeartbeatRequest:
    fields = {
        "host": "host-1",
        "boot": "first",
        "pool": "default",
        "version": "0.1.0",
        "slots": 4,
        "busy": 1,
        "memory_mb": 8192,
    }
    return HeartbeatRequest.model_validate({**fields, **changes})


async def note_heartbeat(sessions: Sessions, heartbeat: HeartbeatRequest) -> None:
    async with sessions.writing() as session:
        await store.note_heartbeat(session, heartbeat)


async def test_a_host_is_listed_as_its_last_heartbeat_says(sessions: Sessions) -> None:
    await note_heartbeat(sessions, beat())
    first = (await list_hosts(sessions))[0][0]
    assert (first.status, first.busy) == (HostStatus.UP, 1)
    await note_heartbeat(sessions, beat(busy=3, draining=True, missing_images=["echo@1.0.0"]))
    second = (await list_hosts(sessions))[0][0]
    assert (second.status, second.busy) == (HostStatus.DRAINING, 3)
    assert second.missing_images == ["echo@1.0.0"]
    assert second.started_at == first.started_at
    assert second.seen_at > first.seen_at


async def test_another_boot_is_another_start(sessions: Sessions) -> None:
    await note_heartbeat(sessions, beat())
    first = (await list_hosts(sessions))[0][0]
    await note_heartbeat(sessions, beat(boot="second"))
    assert (await list_hosts(sessions))[0][0].started_at > first.started_at


async def test_a_clock_that_is_off_is_known_and_one_that_is_not_told_is_no_guess(sessions: Sessions) -> None:
    now = datetime.now(UTC)
    told = {"ahead": timedelta(minutes=2), "behind": timedelta(hours=-1), "right": timedelta(0)}
    for name, off in told.items():
        await note_heartbeat(sessions, beat(host=name, at=now + off))
    await note_heartbeat(sessions, beat(host="silent"))
    listed = {host.name: host.clock_ahead for host in (await list_hosts(sessions))[0]}
    assert listed.pop("silent") is None
    assert listed == {name: pytest.approx(off.total_seconds(), abs=20) for name, off in told.items()}


async def test_a_host_that_tells_no_time_any_more_is_not_judged_by_what_it_told(sessions: Sessions) -> None:
    await note_heartbeat(sessions, beat(at=datetime.now(UTC) - timedelta(hours=1)))
    await note_heartbeat(sessions, beat())
    assert (await list_hosts(sessions))[0][0].clock_ahead is None


async def test_a_host_not_heard_of_for_a_minute_is_gone_and_comes_back(sessions: Sessions) -> None:
    await note_heartbeat(sessions, beat())
    await note_heartbeat(sessions, beat(host="host-2"))
    await _age(sessions, "host-1", "61 seconds")
    await _age(sessions, "host-2", "55 seconds")
    assert [host.status for host in (await list_hosts(sessions))[0]] == [HostStatus.GONE, HostStatus.UP]
    await note_heartbeat(sessions, beat())
    assert (await list_hosts(sessions))[0][0].status is HostStatus.UP


async def test_a_host_gone_for_a_week_is_forgotten(sessions: Sessions) -> None:
    await note_heartbeat(sessions, beat())
    await note_heartbeat(sessions, beat(host="host-2"))
    await _age(sessions, "host-1", "8 days")
    async with sessions.writing() as session:
        assert await store.forget_hosts(session) == 1
    assert [host.name for host in (await list_hosts(sessions))[0]] == ["host-2"]


async def _age(sessions: Sessions, host: str, by: str) -> None:
    async with sessions.path() as connection:
        await connection.execute(
            f"UPDATE hosts SET seen_at = clock_timestamp() - interval '{by}' WHERE name = $1", host
        )
