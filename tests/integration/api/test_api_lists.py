"""Lists are stable: who pages while others insert sees all that was there at the start, and nothing twice."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from airlock_contracts.logs import AgentLog, LogLevel, LogLine, LogStream
from airlock_contracts.messages import AttemptId, HeartbeatRequest
from airlock_orchestration.operations import logs
from airlock_orchestration.store.hosts import note_heartbeat
from listed import lists

Insert = Callable[[Any, int], Awaitable[None]]
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def insert_agent(rig: Any, number: int) -> None:
    await rig.register(version=f"1.0.{number}")


async def insert_workflow(rig: Any, number: int) -> None:
    await rig.register()
    node = {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "x"}}
    await rig.apply({"name": f"w{number}", "nodes": [node]})


async def insert_run(rig: Any, number: int) -> None:
    await rig.start(text=str(number))


async def insert_approval(rig: Any, number: int) -> None:
    await rig.waiting(text=str(number))


async def insert_artifact(rig: Any, number: int) -> None:
    data = f"artifact {number}".encode()
    answer = await rig.client.put(f"/api/artifacts/{hashlib.sha256(data).hexdigest()}", content=data)
    assert answer.status_code == 201


async def insert_host(rig: Any, number: int) -> None:
    beat = HeartbeatRequest(
        host=f"host-{number * 7919 % 100:02}",
        boot="b",
        pool="default",
        version="0.1.0",
        slots=1,
        busy=0,
        memory_mb=1,
    )
    async with rig.sessions.writing() as session:
        await note_heartbeat(session, beat)


async def insert_version(rig: Any, number: int) -> None:
    await rig.register()
    node = {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "x"}}
    await rig.apply({"name": "chain", "description": f"The one of {number}.", "nodes": [node]})


async def insert_line(rig: Any, number: int) -> None:
    line = LogLine(number=number + 1, at=AT, stream=LogStream.LOG, level=LogLevel.INFO, message="said")
    id_ = AttemptId(run=await the_run(rig), node="a", number=1)
    log = AgentLog(attempt=id_, host="host-1", token="token-0123456789abcdef", lines=[line])
    assert (await logs.keep(rig.sessions, [log])).lines == 1


async def the_run(rig: Any) -> str:
    """The newest run, which is begun where there is none."""
    found = (await rig.client.get("/api/runs")).json()["items"]
    return str(found[0]["id"]) if found else str(await rig.start())


LISTS: dict[str, tuple[Insert, str, str]] = {
    "/api/agents?name=echo": (insert_agent, "id", "cursor"),
    "/api/workflows": (insert_workflow, "id", "cursor"),
    "/api/workflows/chain/versions": (insert_version, "version", "before"),
    "/api/runs?status=RUNNING": (insert_run, "id", "cursor"),
    "/api/workflows/chain/runs?status=RUNNING": (insert_run, "id", "cursor"),
    "/api/runs/{run}/logs?stream=log": (insert_line, "id", "after"),
    "/api/approvals?status=PENDING": (insert_approval, "id", "cursor"),
    "/api/artifacts": (insert_artifact, "artifact", "cursor"),
    "/api/hosts?pool=default": (insert_host, "name", "cursor"),
}
"""Each with how one more comes, what tells its items apart, and the parameter of the next page's place."""


async def test_every_list_is_asked(rig: Any) -> None:
    asked = {path.partition("?")[0].replace("/chain/", "/{workflow}/") for path in LISTS}
    assert asked == set(await lists(rig))


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_is_stable_while_others_insert(rig: Any, path: str) -> None:
    insert, key, cursor = LISTS[path]
    chance = random.Random(path)
    count = 0

    async def insert_some(most: int) -> None:
        nonlocal count
        for _ in range(chance.randint(1, most)):
            await insert(rig, count)
            count += 1

    await insert_some(12)
    await insert_some(12)
    path = path.replace("{run}", await the_run(rig)) if "{run}" in path else path
    at_start = await paged(rig, path, key, cursor, limit=50)
    assert len(at_start) == count
    few = chance.randint(1, 4)
    seen = await paged(rig, path, key, cursor, limit=few, between=lambda: insert_some(3))
    assert len(seen) == len(set(seen))
    assert set(seen) >= set(at_start)
    assert [one for one in seen if one in set(at_start)] == at_start


async def paged(
    rig: Any,
    path: str,
    key: str,
    cursor: str,
    *,
    limit: int,
    between: Callable[[], Awaitable[None]] | None = None,
) -> list[Any]:
    """A list from its first page to its last, with something done between two pages."""
    seen: list[Any] = []
    at: str | None = None
    while True:
        asked = {"limit": limit} | ({cursor: at} if at else {})
        base, _, query = path.partition("?")
        asked |= dict([query.split("=")] if query else [])
        answer = await rig.client.get(base, params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        seen += [item[key] for item in page["items"]]
        if (at := page["next_cursor"]) is None:
            return seen
        if between is not None and len(seen) < 100:
            await between()


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("cursor", ["x", "%00", "bm90aGluZw", "MjAyNnxu", "é", "bmFtZXw", "a" * 600])
async def test_a_cursor_that_is_none_of_ours_is_refused(rig: Any, path: str, cursor: str) -> None:
    await rig.register()
    await insert_workflow(rig, 1)
    base = path.partition("?")[0].replace("chain", "w1").replace("{run}", str(uuid4()))
    name = LISTS[path][2]
    answer = await rig.client.get(base, params={name: cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert [one["place"] for one in answer.json()["errors"]] == [f"query.{name}"]


async def test_artifacts_of_a_run_are_those_that_it_names(rig: Any) -> None:
    for number in range(2):
        await insert_artifact(rig, number)
    digest = hashlib.sha256(b"artifact 1").hexdigest()
    named = {"artifact": f"sha256:{digest}", "size": 10, "media_type": "text/plain"}
    await rig.register()
    node = {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "x"}}
    await rig.apply({"name": "carries", "nodes": [node]})
    answer = await rig.client.post("/api/workflows/carries/trigger", json={"context": {"it": named}})
    assert answer.status_code == 202, answer.text
    listed = await rig.client.get("/api/artifacts", params={"run": answer.json()["id"]})
    assert [one["artifact"] for one in listed.json()["items"]] == [f"sha256:{digest}"]
