"""The event stream over a real server: from any event on, live, and over when the run is."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import uvicorn
from airlock_orchestration.api import events
from airlock_orchestration.operations.principals import Principal
from airlock_orchestration.store.tables import KeyRole

ALICE = Principal("0123456789", "alice", KeyRole.ADMIN)


@asynccontextmanager
async def served(rig: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """The app on a real port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(rig.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    headers = {"X-API-Key": rig.admin_key}
    async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=20) as client:
        yield client
    server.should_exit = True
    await serving
    listener.close()


async def blocks(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """The stream's blocks as fields; comments under the name ''."""
    block: dict[str, str] = {}
    async for line in lines:
        if not line:
            yield block
            block = {}
            continue
        name, _, value = line.partition(":")
        block[name] = value.strip()


async def test_a_run_is_followed_live_to_its_end(rig: Any) -> None:
    run = await rig.start()
    seen: list[dict[str, str]] = []
    async with served(rig) as client, client.stream("GET", f"/api/runs/{run}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        moved = False
        async for block in blocks(answer.aiter_lines()):
            seen.append(block)
            if block.get("event") == "node.queued" and not moved:
                moved = True
                await rig.succeed(run, "a", {"text": "x"})
                await rig.succeed(run, "b", {"text": "y"})
    assert seen[0] == {"retry": "2000"}
    told = [block for block in seen if "event" in block]
    assert [int(block["id"]) for block in told] == list(range(1, len(told) + 1))
    assert told[0]["event"] == "run.started"
    assert told[-1]["event"] == "run.finished"
    assert json.loads(told[-1]["data"])["data"]["status"] == "SUCCESS"


async def test_a_reader_that_comes_back_misses_nothing_and_sees_nothing_twice(rig: Any) -> None:
    run = await rig.start()
    await rig.succeed(run, "a", {"text": "x"})
    await rig.fail(run, "b")
    whole = await rig.client.get(f"/api/runs/{run}/events")
    ids = [int(line[4:]) for line in whole.text.splitlines() if line.startswith("id: ")]
    assert len(ids) > 4
    rest = await rig.client.get(f"/api/runs/{run}/events", headers={"Last-Event-ID": str(ids[2])})
    again = [int(line[4:]) for line in rest.text.splitlines() if line.startswith("id: ")]
    assert again == ids[3:]
    assert (await rig.client.get(f"/api/runs/{run}/events?after={ids[2]}")).text == rest.text


async def test_without_a_bell_news_still_comes_and_the_line_is_kept_warm(rig: Any) -> None:
    run = await rig.start()
    deaf = type(rig.bells)()  # nobody ever rings it
    stream = events.follow(rig.sessions, deaf, ALICE, run, 0, ping_seconds=0.05)
    pinged = finished = False
    async for block in stream:
        if block.startswith(b": ") and not pinged:
            pinged = True
            await rig.fail(run, "a")
        finished = finished or b"event: run.finished" in block
    assert pinged
    assert finished


async def test_a_stream_ends_when_the_process_does(rig: Any) -> None:
    run = await rig.start()
    stream = events.follow(rig.sessions, rig.bells, ALICE, run, 0, ping_seconds=30)
    blocks_seen = 0
    async with asyncio.timeout(10):
        async for block in stream:
            blocks_seen += 1
            if b"node.queued" in block:
                rig.bells.close()
    assert blocks_seen >= 2
    assert rig.bells.listeners == 0


async def test_a_reader_that_goes_away_is_forgotten(rig: Any) -> None:
    run = await rig.start()
    async with served(rig) as client:
        async with client.stream("GET", f"/api/runs/{run}/events") as answer:
            async for block in blocks(answer.aiter_lines()):
                if block.get("event") == "node.queued":
                    break
            assert rig.bells.listeners == 1
        async with asyncio.timeout(10):
            while rig.bells.listeners:
                await asyncio.sleep(0.01)


async def test_a_reader_that_has_seen_the_end_is_told_not_to_come_back(rig: Any) -> None:
    run = await rig.start()
    await rig.fail(run, "a")
    whole = await rig.client.get(f"/api/runs/{run}/events")
    last = [line[4:] for line in whole.text.splitlines() if line.startswith("id: ")][-1]
    again = await rig.client.get(f"/api/runs/{run}/events", headers={"Last-Event-ID": last})
    assert (again.status_code, again.content) == (204, b"")


async def test_a_bad_last_event_id_is_422(rig: Any) -> None:
    run = await rig.start()
    answer = await rig.client.get(f"/api/runs/{run}/events", headers={"Last-Event-ID": "-1"})
    assert answer.status_code == 422
