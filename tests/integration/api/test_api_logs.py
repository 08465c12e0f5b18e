"""Agents' logs over REST: pages, and a stream that goes on until the run's last line is written."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from airlock_contracts.logs import AgentLog, LogLevel, LogLine, LogStream
from airlock_contracts.messages import AttemptId
from airlock_orchestration.api import events
from airlock_orchestration.api import logs as api
from airlock_orchestration.operations import logs
from airlock_orchestration.operations.logs import Wanted
from airlock_orchestration.operations.principals import Principal
from airlock_orchestration.store.sessions import Sessions
from airlock_orchestration.store.tables import KeyRole

ALICE = Principal("0123456789", "alice", KeyRole.ADMIN)
STREAM = {"Accept": "text/event-stream"}
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def say(rig: Any, run: str, *texts: str, node: str = "a", first: int = 1, **more: Any) -> None:
    """An agent says something, and its host's message arrives."""
    given: dict[str, Any] = {"stream": LogStream.STDERR, "level": LogLevel.INFO} | more
    lines = [LogLine(number=n, at=AT, message=text, **given) for n, text in enumerate(texts, first)]
    attempt = AttemptId(run=run, node=node, number=1)
    log = AgentLog(attempt=attempt, host="host-1", token="token-0123456789abcdef", lines=lines)
    kept = await logs.keep(rig.sessions, [log])
    for runs in kept.runs.values():
        rig.bells.ring_logs(runs)


async def page(rig: Any, run: str, **query: Any) -> dict[str, Any]:
    answer = await rig.client.get(f"/api/runs/{run}/logs", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def texts(lines: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in lines]


def told(stream: str) -> list[dict[str, Any]]:
    """The lines of a whole stream."""
    return [json.loads(line[6:]) for line in stream.splitlines() if line.startswith('data: {"')]


async def test_a_page_has_the_oldest_first_and_the_next_begins_behind_it(rig: Any) -> None:
    run = await rig.start()
    await say(rig, run, "one", "two", "three")
    first = await page(rig, run, limit=2)
    assert texts(first["items"]) == ["one", "two"]
    assert first["items"][0] | {"id": 0} == {
        "id": 0,
        "node": "a",
        "attempt": 1,
        "number": 1,
        "at": "2026-01-02T03:04:05.000000Z",
        "stream": "stderr",
        "level": "info",
        "message": "one",
        "fields": None,
        "fraction": None,
    }
    second = await page(rig, run, limit=2, after=first["next_cursor"])
    assert (texts(second["items"]), second["next_cursor"]) == (["three"], None)


async def test_lines_are_filtered_by_node_attempt_and_stream(rig: Any) -> None:
    run = await rig.start()
    await say(rig, run, "of a")
    await say(rig, run, "half", first=2, stream=LogStream.PROGRESS, fraction=0.5)
    assert texts((await page(rig, run, node="a", attempt=1, stream="progress"))["items"]) == ["half"]
    assert (await page(rig, run, node="b"))["items"] == []
    assert (await page(rig, run, attempt=2))["items"] == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"node": "a"}, ["of a", "half"]),
        ({"node": "a", "attempt": 1, "stream": "stderr"}, ["of a"]),
        ({"node": "b"}, []),
        ({"attempt": 2}, []),
    ],
)
async def test_a_stream_is_filtered_as_a_page_is(
    rig: Any, query: dict[str, Any], expected: list[str]
) -> None:
    run = await rig.start()
    await say(rig, run, "of a")
    await say(rig, run, "half", first=2, stream=LogStream.PROGRESS, fraction=0.5)
    await rig.fail(run, "a")
    followed = await rig.client.get(f"/api/runs/{run}/logs", params=query, headers=STREAM)
    assert texts(told(followed.text)) == expected


@pytest.mark.parametrize("query", ["after=-1", "limit=0", "limit=1001", "attempt=0", "stream=x", "node=A!"])
async def test_nonsense_is_422(rig: Any, query: str) -> None:
    answer = await rig.client.get(f"/api/runs/{uuid4()}/logs?{query}")
    assert answer.status_code == 422


@pytest.mark.parametrize("headers", [{}, STREAM])
async def test_logs_of_an_unknown_run_are_404(rig: Any, headers: dict[str, str]) -> None:
    answer = await rig.client.get(f"/api/runs/{uuid4()}/logs", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "run.unknown")


async def test_a_follower_gets_what_was_said_what_is_said_and_the_last_words_after_the_end(rig: Any) -> None:
    run = await rig.start()
    await say(rig, run, "before")
    seen: list[str] = []
    ended = False
    stream = api.follow(rig.sessions, rig.bells, ALICE, Wanted(run), 0, ping_seconds=30)
    async with asyncio.timeout(20):
        async for block in stream:
            ended = ended or block.startswith(b"event: end")
            seen += texts(told(block.decode()))
            if seen == ["before"] and b"before" in block:
                await say(rig, run, "live", first=2)
            elif b'"live"' in block:
                await rig.fail(run, "a")
                rig.bells.ring([run])
                await say(rig, run, "last words", first=3)
    assert seen == ["before", "live", "last words"]
    assert ended
    assert rig.bells.listeners == 0


async def test_a_reader_that_comes_back_misses_nothing_and_sees_nothing_twice(rig: Any) -> None:
    run = await rig.start()
    for first in (0, 600):
        await say(rig, run, *(str(number) for number in range(first, first + 600)), first=first + 1)
    await rig.fail(run, "a")
    whole = await rig.client.get(f"/api/runs/{run}/logs", headers=STREAM)
    assert whole.headers["content-type"].startswith("text/event-stream")
    lines = told(whole.text)
    assert texts(lines) == [str(number) for number in range(1200)]
    assert whole.text.endswith("event: end\ndata: {}\n\n")
    rest = await rig.client.get(
        f"/api/runs/{run}/logs", headers=STREAM | {"Last-Event-ID": str(lines[700]["id"])}
    )
    assert told(rest.text) == lines[701:]
    last = {"Last-Event-ID": str(lines[-1]["id"])}
    again = await rig.client.get(f"/api/runs/{run}/logs", headers=STREAM | last)
    assert (again.status_code, again.content) == (204, b"")


async def test_without_a_bell_lines_still_come_and_the_line_is_kept_warm(rig: Any) -> None:
    run = await rig.start()
    deaf = type(rig.bells)()
    pinged = seen = False
    async for block in api.follow(rig.sessions, deaf, ALICE, Wanted(run), 0, ping_seconds=0.05):
        if block.startswith(b": ") and not pinged:
            pinged = True
            await say(rig, run, "quietly")
        elif b"quietly" in block:
            seen = True
            await rig.fail(run, "a")
    assert pinged
    assert seen


async def test_a_follower_passes_over_the_lines_of_others_once(rig: Any) -> None:
    run = await rig.start()
    await say(rig, run, "one", "two", "three")
    await say(rig, run, "half", first=4, stream=LogStream.PROGRESS)
    await say(rig, run, "five", "six", first=5)
    wanted = Wanted(run, stream=LogStream.PROGRESS)
    newest = (await logs.look(rig.sessions, Wanted(run), 0)).to
    found = await logs.look(rig.sessions, wanted, 0)
    assert ([line.message for line in found.lines], found.to) == (["half"], newest)
    await say(rig, run, "whole", first=7, stream=LogStream.PROGRESS)
    again = await logs.look(rig.sessions, wanted, found.to)
    assert [line.message for line in again.lines] == ["whole"]


class Beside(Sessions):
    """The few connections beside the path, and none of the path; counts how often one was asked for."""

    def __init__(self, sessions: Sessions) -> None:
        self._there = sessions
        self.asked = 0

    @asynccontextmanager
    async def path(self) -> AsyncIterator[Any]:
        raise AssertionError("the door, claims and heartbeats need these")
        yield

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[Any]:
        self.asked += 1
        async with self._there.beside() as connection:
            yield connection


async def test_who_follows_and_who_writes_logs_takes_no_connection_of_the_path(rig: Any) -> None:
    run = await rig.start()
    await rig.fail(run, "a")
    sessions = Beside(rig.sessions)
    await say(replace(rig, sessions=sessions), run, "said")
    streams = [
        api.follow(sessions, rig.bells, ALICE, Wanted(run), 0),
        events.follow(sessions, rig.bells, ALICE, run, 0),
    ]
    told = [b"".join([block async for block in stream]) for stream in streams]
    assert b"said" in told[0]
    assert b"run.finished" in told[1]
    assert sessions.asked > 3


async def test_a_bell_that_rings_on_makes_a_look_tell_more_and_not_more_looks(rig: Any) -> None:
    run = await rig.start()
    sessions = Beside(rig.sessions)
    began = time.monotonic()
    seen: list[str] = []

    async def chatter() -> None:
        for number in range(1, 101):
            await say(rig, run, f"{number}", first=number)
        await rig.fail(run, "a")
        rig.bells.ring([run])

    talking = asyncio.create_task(chatter())
    async for block in api.follow(sessions, rig.bells, ALICE, Wanted(run), 0):
        seen += texts(told(block.decode()))
    await talking
    assert seen == [str(number) for number in range(1, 101)]
    # One for a look, one more for the run's end where it found nothing, and one to look again.
    assert sessions.asked <= 3 * (1 + (time.monotonic() - began) / api.PAUSE_SECONDS)


async def test_a_log_s_bell_wakes_its_followers_and_not_those_of_the_journal(rig: Any) -> None:
    with rig.bells.listen("r") as journal, rig.bells.listen("r", logs=True) as both:
        rig.bells.ring_logs(["r"])
        assert (journal.is_set(), both.is_set()) == (False, True)
        both.clear()
        rig.bells.ring(["r"])
        assert (journal.is_set(), both.is_set()) == (True, True)
        assert rig.bells.listeners == 2
    assert rig.bells.listeners == 0
