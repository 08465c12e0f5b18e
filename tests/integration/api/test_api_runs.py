"""Runs through REST: started once, seen whole, cancelled, retried, byte for byte."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest
from airlock_orchestration.operations import runs
from airlock_orchestration.store import retries


async def test_a_trigger_answers_202_with_the_run_and_where_it_is(rig: Any) -> None:
    run = await rig.start()
    view = await rig.run(run)
    assert view["status"] == "RUNNING"
    assert view["created_by"] == "alice"
    assert view["context"] == {"text": "hello"}
    assert [(node["id"], node["status"]) for node in view["nodes"]] == [("a", "QUEUED"), ("b", "PENDING")]
    assert view["nodes"][0]["agent"] == "echo@1.0.0"


async def test_a_trigger_carries_its_trace_into_the_run(rig: Any) -> None:
    await rig.start()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await rig.client.post(
        "/api/workflows/chain/trigger",
        json={"context": {"text": "x"}},
        headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
    )
    assert answer.headers["x-trace-id"] == trace
    assert answer.headers["location"] == f"/api/runs/{answer.json()['id']}"
    assert (await rig.run(answer.json()["id"]))["trace_id"] == trace


async def test_the_same_key_and_body_make_one_run_also_at_once(rig: Any, idempotency_key: str) -> None:
    await rig.start()
    before = len((await rig.client.get("/api/runs")).json()["items"])

    async def trigger(text: str = "hello") -> Any:
        return await rig.client.post(
            "/api/workflows/chain/trigger",
            json={"context": {"text": text}},
            headers={"Idempotency-Key": idempotency_key},
        )

    answers = await asyncio.gather(*(trigger() for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    replayed = [answer for answer in answers if "idempotency-replayed" in answer.headers]
    assert len(replayed) == 7
    other = await trigger("another")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.mismatch")
    assert len((await rig.client.get("/api/runs")).json()["items"]) == before + 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"context": {"text": 7}}', 422, "context.invalid"),
        (b'{"context": {}}', 422, "context.invalid"),
        (b"", 422, "context.invalid"),
        (b'{"context": {"text": "a", "text": "b"}}', 422, "document.invalid"),
        (b'{"context": {"text": NaN}}', 422, "document.invalid"),
        (b'{"context": {"text": "\\u0000"}}', 422, "document.invalid"),
        (b'{"contxt": {"text": "a"}}', 422, "request.invalid"),
        (b'{"context": {"text": "a"}, "version": "1"}', 422, "request.invalid"),
        (b'{"context": {"text": "a"}, "version": true}', 422, "request.invalid"),
        (b'{"context": {"text": "a"}, "version": 7}', 404, "workflow.unknown"),
        (b"[1]", 422, "request.invalid"),
        (b"not json", 422, "document.invalid"),
        (b'{"context": {"text": "' + b"x" * 262_144 + b'"}}', 413, "context.too_large"),
        (b'{"context": {"text": "' + b"x" * 5_000_000 + b'"}}', 413, "request.too_large"),
    ],
)
async def test_a_bad_trigger_is_refused_and_starts_no_run(
    rig: Any, body: bytes, status: int, code: str
) -> None:
    await rig.register()
    await rig.apply(_chain())
    answer = await rig.client.post(
        "/api/workflows/chain/trigger", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await rig.client.get("/api/runs")).json()["items"] == []


async def test_a_context_of_256_kib_with_quotes_and_unicode_arrives_unchanged(rig: Any) -> None:
    await rig.register()
    await rig.apply(_chain())
    text = "quotes \" ' \\ \n\t </script> ünï¢ödé 漢字 🚀 \u2028"
    room = 262_144 - len(json.dumps({"text": text}, ensure_ascii=False).encode())
    context = json.dumps({"text": text + "x" * room}, ensure_ascii=False).encode()
    assert len(context) == 262_144
    body = b'{ "version" : 1 ,\n "context":' + context + b" }"
    answer = await rig.client.post("/api/workflows/chain/trigger", content=body)
    assert answer.status_code == 202, answer.text
    run = answer.json()["id"]
    kept = (await rig.client.get(f"/api/runs/{run}/context")).content
    assert kept == context
    view = await rig.run(run)
    assert view["context_sha256"] == hashlib.sha256(context).hexdigest()
    given = (await rig.client.get(f"/api/runs/{run}/nodes/a/input")).json()
    assert given == json.loads(context)


async def test_a_context_may_only_name_artifacts_that_are_here(rig: Any) -> None:
    await rig.register(
        protocol="airlock/1",
        actions={"say": {"input_schema": {"type": "object"}, "output_schema": {"type": "object"}}},
    )
    schema = {"type": "object", "properties": {"file": {"$ref": "airlock:artifact"}}}
    node = {"id": "a", "agent": "echo", "action": "say", "inputs": {"file": "{{ context.file }}"}}
    await rig.apply({"name": "files", "input_schema": schema, "nodes": [node]})
    data = b"some bytes"
    digest = hashlib.sha256(data).hexdigest()
    reference = {"artifact": f"sha256:{digest}", "size": len(data), "media_type": "text/plain"}

    async def trigger(**changes: Any) -> Any:
        body = {"context": {"file": {**reference, **changes}}}
        return await rig.client.post("/api/workflows/files/trigger", json=body)

    absent = await trigger()
    assert (absent.status_code, absent.json()["errors"][0]["place"]) == (422, "context/file")
    put = await rig.client.put(f"/api/artifacts/{digest}", content=data)
    assert put.status_code == 201
    assert (await trigger(size=3)).status_code == 422
    assert (await trigger()).status_code == 202


async def test_outputs_are_given_byte_for_byte(rig: Any) -> None:
    run = await rig.start()
    early = await rig.client.get(f"/api/runs/{run}/nodes/a/output")
    assert (early.status_code, early.json()["code"]) == (404, "node.no_bytes")
    await rig.succeed(run, "a", {"text": "ünï"})
    output = await rig.client.get(f"/api/runs/{run}/nodes/a/output")
    assert output.content == json.dumps({"text": "ünï"}).encode()
    given = await rig.client.get(f"/api/runs/{run}/nodes/b/input")
    assert given.content == '{"text":"ünï"}'.encode()
    assert (await rig.client.get(f"/api/runs/{run}/nodes/z/input")).json()["code"] == "node.unknown"


async def test_a_run_keeps_its_agents_and_a_new_one_takes_the_newest(rig: Any) -> None:
    first = await rig.start()
    await rig.register(version="1.1.0")
    second = await rig.start()
    assert (await rig.run(first))["nodes"][0]["agent"] == "echo@1.0.0"
    assert (await rig.run(second))["nodes"][0]["agent"] == "echo@1.1.0"


async def test_a_newest_agent_that_no_longer_fits_stops_the_trigger_and_not_the_run(rig: Any) -> None:
    await rig.start()
    schema = {"type": "object"}
    await rig.register(version="2.0.0", actions={"shout": {"input_schema": schema, "output_schema": schema}})
    answer = await rig.client.post("/api/workflows/chain/trigger", json={"context": {"text": "x"}})
    assert (answer.status_code, answer.json()["code"]) == (422, "workflow.invalid")
    assert answer.json()["errors"][0]["code"] == "workflow.unknown_action"


async def test_cancel_ends_a_run_and_again_changes_nothing(rig: Any) -> None:
    run = await rig.start()
    first = await rig.client.post(f"/api/runs/{run}/cancel", json={"reason": "not needed"})
    assert (first.status_code, first.json()["status"]) == (202, "CANCELLED")
    again = await rig.client.post(f"/api/runs/{run}/cancel")
    assert (again.status_code, again.json()) == (202, first.json())


async def test_a_run_that_ended_is_not_cancelled(rig: Any) -> None:
    run = await rig.start()
    await rig.fail(run, "a")
    answer = await rig.client.post(f"/api/runs/{run}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "run.final")


async def test_a_retry_copies_successes_and_leaves_the_old_run_alone(rig: Any) -> None:
    run = await rig.start()
    await rig.succeed(run, "a", {"text": "kept"})
    early = await rig.client.post(f"/api/runs/{run}/retry")
    assert (early.status_code, early.json()["code"]) == (409, "run.not_retryable")
    await rig.fail(run, "b")
    old = await rig.run(run)
    assert old["status"] == "FAILED"
    answer = await rig.client.post(f"/api/runs/{run}/retry")
    assert answer.status_code == 202, answer.text
    new = await rig.run(answer.json()["id"])
    assert new["retry_of"] == run
    assert new["context"] == old["context"]
    nodes = {node["id"]: node for node in new["nodes"]}
    assert (nodes["a"]["status"], nodes["a"]["reused_from"]) == ("SUCCESS", run)
    assert nodes["b"]["status"] == "QUEUED"
    copied = await rig.client.get(f"/api/runs/{new['id']}/nodes/a/output")
    assert copied.json() == {"text": "kept"}
    await rig.succeed(new["id"], "b", {"text": "done"})
    assert (await rig.run(new["id"]))["status"] == "SUCCESS"
    assert await rig.run(run) == old


async def test_a_retry_that_would_copy_too_much_is_refused(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await rig.start()
    await rig.succeed(run, "a", {"text": "kept"})
    await rig.fail(run, "b")
    for module in (retries, runs):
        monkeypatch.setattr(module, "MAX_COPIED_BYTES", 10)
    answer = await rig.client.post(f"/api/runs/{run}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "run.not_retryable")
    assert "at most 10 are copied" in answer.json()["detail"]


async def test_runs_are_filtered_and_paged(rig: Any) -> None:
    made = [await rig.start() for _ in range(3)]
    await rig.fail(made[0], "a")
    failed = (await rig.client.get("/api/runs?status=FAILED")).json()["items"]
    assert [item["id"] for item in failed] == [made[0]]
    first = (await rig.client.get("/api/runs?workflow=chain&limit=2")).json()
    assert [item["id"] for item in first["items"]] == [made[2], made[1]]
    second = (await rig.client.get(f"/api/workflows/chain/runs?cursor={first['next_cursor']}")).json()
    assert [item["id"] for item in second["items"]] == [made[0]]
    assert "next_cursor" not in second or second["next_cursor"] is None


@pytest.mark.parametrize(
    "path",
    ["/api/runs/7", "/api/runs/%27;drop", "/api/runs?cursor=x", "/api/runs?limit=0", "/api/runs?status=DONE"],
)
async def test_a_malformed_id_or_query_is_4xx(rig: Any, path: str) -> None:
    answer = await rig.client.get(path)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unknown_run_is_404_everywhere(rig: Any) -> None:
    run = uuid4()
    for method, path in (
        ("GET", ""),
        ("GET", "/events"),
        ("GET", "/context"),
        ("GET", "/nodes/a/output"),
        ("POST", "/cancel"),
        ("POST", "/retry"),
    ):
        answer = await rig.client.request(method, f"/api/runs/{run}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "run.unknown"), path


def _chain() -> dict[str, Any]:
    schema = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    node = {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "{{ context.text }}"}}
    return {"name": "chain", "input_schema": schema, "nodes": [node]}


async def test_no_read_waits_for_the_connections_of_claims_and_heartbeats(rig: Any) -> None:
    run = await rig.start()
    await rig.succeed(run, "a", {"text": "done"})
    await rig.fail(run, "b")
    reads = (
        "",
        "/context",
        "/nodes/a/input",
        "/nodes/a/output",
        "/events",
        "/logs",
        "/explain",
        "/graph.svg",
    )
    unknown_yet = {"X-API-Key": await rig.new_key("somebody")}
    async with AsyncExitStack() as taken:
        for _ in range(8):
            await taken.enter_async_context(rig.sessions.path())
        async with asyncio.timeout(8):
            for path in reads:
                answer = await rig.client.get(f"/api/runs/{run}{path}", headers=unknown_yet)
                assert answer.status_code == 200, path
