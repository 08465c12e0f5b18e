"""Agents' lines in Postgres: for attempts that there are, each once, bounded, with ids that grow per run."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from airlock_contracts.logs import MAX_ATTEMPT_BYTES, AgentLog, LogLevel, LogLine, LogStream
from airlock_contracts.messages import AttemptId
from airlock_orchestration.store import logs as store
from airlock_orchestration.store.logs import ended_for, forget_logs, read_logs, write_logs

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def said(
    run: str, *texts: str, token: str = "token-0123456789abcdef", first: int = 1, **more: Any
) -> AgentLog:
    """A host's message with these lines."""
    lines = [
        LogLine(number=number, at=AT, stream=LogStream.STDERR, level=LogLevel.INFO, message=text)
        for number, text in enumerate(texts, first)
    ]
    where: dict[str, Any] = {"node": "a", "number": 1} | more
    return AgentLog(attempt=AttemptId(run=run, **where), host="host-1", token=token, lines=lines)


async def started(shop: Any, kit: Any, nodes: Any = None) -> str:
    """A run whose node `a` is dispatched."""
    state = await shop.go(shop.start(await shop.workflow(nodes or kit.CHAIN, name=f"w{uuid4().hex[:8]}")))
    return str(state.id)


async def texts(shop: Any, run: str, **filters: Any) -> list[str]:
    return [line.message for line in (await read_logs(shop.connection, run, **filters)).lines]


async def test_lines_are_kept_as_they_came_and_read_behind_an_id(shop: Any, kit: Any) -> None:
    run = await started(shop, kit)
    line = LogLine(
        number=1,
        at=AT,
        stream=LogStream.LOG,
        level=LogLevel.WARNING,
        message="ünïcode \x00",
        fields={"file": "a.py", "odd": "\x00"},
    )
    log = said(run).model_copy(update={"lines": [line]})
    assert await write_logs(shop.connection, [log, said(run, "b", "c", first=2)]) == [(run, "default", 3)]
    first, *rest = (await read_logs(shop.connection, run)).lines
    assert (first.message, first.fields) == ("ünïcode \ufffd", {"file": "a.py", "odd": "\ufffd"})
    assert (first.node, first.attempt, first.number, first.at) == ("a", 1, 1, AT)
    assert [line.message for line in rest] == ["b", "c"]
    assert await texts(shop, run, after=rest[0].id) == ["c"]
    assert await texts(shop, run, limit=2) == [first.message, "b"]


async def test_of_unknown_attempts_nothing_is_kept(shop: Any, kit: Any) -> None:
    run = await started(shop, kit)
    for log in (said(str(uuid4()), "x"), said(run, "x", number=2), said(run, "x", node="b")):
        assert await write_logs(shop.connection, [log]) == []
    assert await texts(shop, run) == []


async def test_before_its_claim_an_attempt_takes_any_token_and_then_only_one(shop: Any, kit: Any) -> None:
    run = await started(shop, kit)
    await write_logs(shop.connection, [said(run, "early", token="somebody-else-000")])
    await shop.go(shop.change(await shop.load(run), kit.claimed(run)))
    mixed = [said(run, "foreign", token="somebody-else-000", first=2), said(run, "mine", first=3)]
    assert await write_logs(shop.connection, mixed) == [(run, "default", 1)]
    assert await texts(shop, run) == ["early", "mine"]


async def test_a_line_that_comes_twice_is_kept_once(shop: Any, kit: Any) -> None:
    run = await started(shop, kit)
    assert await write_logs(shop.connection, [said(run, "a", "b"), said(run, "again", first=2)])
    assert await write_logs(shop.connection, [said(run, "other")]) == []
    assert await texts(shop, run) == ["a", "b"]


async def test_an_attempt_s_lines_are_bounded_and_others_are_not_touched_by_it(shop: Any, kit: Any) -> None:
    both = [dict(node, depends_on=[]) for node in kit.CHAIN]
    run = await started(shop, kit, both)
    long = "x" * 8192
    full = 2 * MAX_ATTEMPT_BYTES // len(long)
    kept = 0
    for first in range(1, full + 200, 100):
        written = await write_logs(shop.connection, [said(run, *([long] * 100), first=first)])
        kept += sum(count for _, _, count in written)
    assert full - 100 < kept <= full
    assert await write_logs(shop.connection, [said(run, "of another", node="b")]) == [(run, "default", 1)]


async def test_a_reader_filters_by_node_attempt_and_stream(shop: Any, kit: Any) -> None:
    both = [dict(node, depends_on=[]) for node in kit.CHAIN]
    run = await started(shop, kit, both)
    await write_logs(shop.connection, [said(run, "a1"), said(run, "b1", node="b")])
    assert await texts(shop, run, node="b") == ["b1"]
    assert await texts(shop, run, node="a", attempt=1, stream=LogStream.STDERR) == ["a1"]
    assert await texts(shop, run, attempt=2) == []
    assert await texts(shop, run, stream=LogStream.PROGRESS) == []


async def test_a_reading_of_long_lines_ends_early_and_says_that_there_are_more(
    shop: Any, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "READ_BYTES", 10)
    run = await started(shop, kit)
    await write_logs(shop.connection, [said(run, "four", "char", "each", "line", "x" * 100)])
    whole: list[list[str]] = []
    after, is_all = 0, False
    while not is_all:
        found = await read_logs(shop.connection, run, after)
        whole.append([line.message for line in found.lines])
        after, is_all = found.lines[-1].id, found.is_all
    assert whole == [["four", "char", "each"], ["line", "x" * 100]]
    assert not (await read_logs(shop.connection, run, limit=1)).is_all
    assert (await read_logs(shop.connection, run, after)).is_all


async def test_who_has_read_an_id_of_a_run_has_seen_every_lower_one(shop: Any, kit: Any) -> None:
    """Another writer of the same run waits until the first has committed; one of another run does not."""
    run, other = await started(shop, kit), await started(shop, kit)
    async with shop.database.path() as slow, shop.database.path() as second:
        transaction = slow.transaction()
        await transaction.start()
        await write_logs(slow, [said(run, "first")])
        waiting = asyncio.create_task(write_logs(second, [said(run, "second", first=2)]))
        await kit.until_waiting(shop.connection)
        assert await write_logs(shop.connection, [said(other, "free")])
        assert not waiting.done()
        await transaction.commit()
        assert await waiting == [(run, "default", 1)]
    lines = (await read_logs(shop.connection, run)).lines
    assert [line.message for line in lines] == ["first", "second"]
    assert lines[0].id < lines[1].id


async def test_many_writers_of_many_runs_wait_for_each_other_in_one_order(shop: Any, kit: Any) -> None:
    runs = [await started(shop, kit) for _ in range(6)]

    async def write(writer: int) -> None:
        async with shop.database.path() as connection:
            mixed = runs if writer % 2 else runs[::-1]
            for turn in range(10):
                line = 1 + 10 * writer + turn
                await write_logs(connection, [said(run, f"{line}", first=line) for run in mixed])

    await asyncio.gather(*(write(writer) for writer in range(5)))
    for run in runs:
        lines = (await read_logs(shop.connection, run)).lines
        assert sorted(int(line.message) for line in lines) == list(range(1, 51))
        for writer in range(5):  # each writer's lines stand in the order in which it wrote them
            mine = [int(line.message) for line in lines if (int(line.message) - 1) // 10 == writer]
            assert mine == sorted(mine)


async def test_lines_of_one_message_stand_in_its_order(shop: Any, kit: Any) -> None:
    run = await started(shop, kit)
    wanted = [str(number) for number in range(300)]
    await write_logs(shop.connection, [said(run, *wanted)])
    assert await texts(shop, run) == wanted


def begun(ago: timedelta) -> str:
    """The id of a run that began then."""
    milliseconds = int((datetime.now(UTC) - ago).timestamp() * 1000)
    return str(UUID(int=milliseconds << 80 | 0x7 << 76 | 0x8 << 60 | uuid4().int & 0xFFFF_FFFF_FFFF))


async def test_lines_are_forgotten_when_their_run_has_ended_long_ago_some_at_a_time(
    shop: Any, kit: Any
) -> None:
    month, day = timedelta(days=30), timedelta(days=1)
    ended: dict[str, tuple[timedelta, timedelta | None]] = {
        "long ago": (3 * month, 2 * month),
        "just over": (month + day, month + timedelta(minutes=1)),
        "just within": (month + day, month - timedelta(minutes=1)),
        "goes on": (3 * month, None),
        "new": (day, day / 2),
    }
    runs = {name: begun(start) for name, (start, _) in ended.items()}
    seeded = await shop.workflow(kit.CHAIN)
    for name, (_, end) in ended.items():
        await shop.go(shop.start(seeded, runs[name]))
        await write_logs(shop.connection, [said(runs[name], *(f"{n}" for n in range(10)))])
        if end is not None:
            await shop.connection.execute(
                "UPDATE runs SET status = 'CANCELLED', finished_at = clock_timestamp() - $2::interval "
                "WHERE id = $1::uuid",
                *(runs[name], end),
            )
    forgotten = [await forget_logs(shop.connection, month, 8) for _ in range(4)]
    assert forgotten == [8, 8, 4, 0]
    left = {name: len(await texts(shop, run)) for name, run in runs.items()}
    assert left == {"long ago": 0, "just over": 0, "just within": 10, "goes on": 10, "new": 10}


async def test_how_long_a_run_has_ended_is_known(shop: Any, kit: Any) -> None:
    run = await started(shop, kit)
    assert await ended_for(shop.connection, "default", str(uuid4())) is None
    assert await ended_for(shop.connection, "other", run) is None
    going = await ended_for(shop.connection, "default", run)
    assert going is not None
    assert going < 0
