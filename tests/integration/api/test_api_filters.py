"""Each filter of each list leaves just what it names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from airlock_contracts.logs import AgentLog, LogLevel, LogLine, LogStream
from airlock_contracts.messages import AttemptId, HeartbeatRequest
from airlock_orchestration.engine.signals import RetryDue
from airlock_orchestration.operations import logs
from airlock_orchestration.store.hosts import note_heartbeat
from listed import filters

Item = Mapping[str, Any]
Fits = Callable[[Item], bool]
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SAYS = {"agent": "echo", "action": "say", "inputs": {"text": "x"}}
TALKING = {
    "name": "talking",
    "nodes": [{"id": "a", "retry": {"max_attempts": 2}, **SAYS}, {"id": "b", **SAYS}],
}
"""A run of it has a node that is tried twice, beside another."""


async def a_bit_of_everything(rig: Any) -> tuple[dict[str, str], dict[tuple[str, str], tuple[str, Fits]]]:
    """Fill the service; answers what stands in the paths, and each filter with a value and what fits it."""
    await rig.register(name="other")
    chained = await rig.start()
    waiting, _ = await rig.waiting()
    cancelled, _ = await rig.waiting("another")
    assert (await rig.client.post(f"/api/runs/{cancelled}/cancel")).status_code == 202
    ended = await rig.start()
    assert (await rig.client.post(f"/api/runs/{ended}/cancel")).status_code == 202
    talking = await spoken(rig)
    for number, pool in enumerate(("default", "gpu", "gpu")):
        await note_host(rig, f"host-{number}", pool)
    named, _ = [await put(rig, text) for text in (b"named", b"another")]
    carrying = await rig.client.post("/api/workflows/talking/trigger", json={"context": {"it": named}})
    table: dict[tuple[str, str], tuple[str, Fits]] = {
        ("/api/agents", "name"): ("other", lambda one: one["name"] == "other"),
        ("/api/runs", "status"): ("CANCELLED", lambda one: one["status"] == "CANCELLED"),
        ("/api/runs", "workflow"): ("chain", lambda one: one["workflow"] == "chain"),
        ("/api/workflows/{workflow}/runs", "status"): ("RUNNING", lambda one: one["id"] == chained),
        ("/api/runs/{run}/logs", "node"): ("a", lambda one: one["node"] == "a"),
        ("/api/runs/{run}/logs", "attempt"): ("2", lambda one: one["attempt"] == 2),
        ("/api/runs/{run}/logs", "stream"): ("stderr", lambda one: one["stream"] == "stderr"),
        ("/api/approvals", "status"): ("PENDING", lambda one: one["status"] == "PENDING"),
        ("/api/approvals", "run"): (waiting, lambda one: one["run"] == waiting),
        ("/api/artifacts", "run"): (
            carrying.json()["id"],
            lambda one: one["artifact"] == named["artifact"],
        ),
        ("/api/hosts", "pool"): ("gpu", lambda one: one["pool"] == "gpu"),
    }
    return {"workflow": "chain", "run": talking}, table


async def spoken(rig: Any) -> str:
    """A run whose agents said something in each of three attempts, on two streams."""
    run: str = await rig.start(TALKING)
    await rig.claim(run, "a")
    await say(rig, run, "a", 1)
    await rig.fail(run, "a", retryable=True)
    await rig.door.advance(RetryDue(run, "a", 1))
    await say(rig, run, "a", 2)
    await say(rig, run, "b", 1)
    return run


async def say(rig: Any, run: str, node: str, attempt: int) -> None:
    """An agent says a line on each of two streams."""
    streams = (LogStream.LOG, LogStream.STDERR)
    lines = [
        LogLine(number=number, at=AT, stream=stream, level=LogLevel.INFO, message="said")
        for number, stream in enumerate(streams, 1)
    ]
    id_ = AttemptId(run=run, node=node, number=attempt)
    log = AgentLog(attempt=id_, host="host-1", token="token-0123456789abcdef", lines=lines)
    assert (await logs.keep(rig.sessions, [log])).lines == len(lines)


async def note_host(rig: Any, name: str, pool: str) -> None:
    beat = HeartbeatRequest(host=name, boot="b", pool=pool, version="0.1.0", slots=1, busy=0, memory_mb=1)
    async with rig.sessions.writing() as session:
        await note_heartbeat(session, beat)


async def put(rig: Any, data: bytes) -> dict[str, Any]:
    """Put an artifact; answers how a context names it."""
    digest = hashlib.sha256(data).hexdigest()
    assert (await rig.client.put(f"/api/artifacts/{digest}", content=data)).status_code == 201
    return {"artifact": f"sha256:{digest}", "size": len(data), "media_type": "text/plain"}


async def test_each_filter_of_each_list_leaves_just_what_it_names(rig: Any) -> None:
    places, table = await a_bit_of_everything(rig)
    assert set(table) == await filters(rig), "a list has got a filter, or lost one"

    async def asked(path: str, **query: str) -> list[Item]:
        answer = await rig.client.get(path.format(**places), params=query)
        assert answer.status_code == 200, answer.text
        items: list[Item] = answer.json()["items"]
        return items

    for (path, name), (value, fits) in table.items():
        everything = await asked(path)
        expected = [one for one in everything if fits(one)]
        assert 0 < len(expected) < len(everything), (path, name)
        assert await asked(path, **{name: value}) == expected, (path, name)

    for path in {path for path, _ in table}:
        together = {name: asking for (of, name), asking in table.items() if of == path}
        expected = [one for one in await asked(path) if all(fits(one) for _, fits in together.values())]
        assert expected, path
        query = {name: value for name, (value, _) in together.items()}
        assert await asked(path, **query) == expected, path
