"""What people send: the wrong gets a clear answer and leaves no trace, the strange arrives unchanged."""

import asyncio
import hashlib
import json

import pytest
from airlock_contracts.statuses import NodeStatus, RunStatus
from e2e_agents import ANY, NUMBER, manifest
from e2e_install import Install, code_of, node_of, spec

JSON = {"Content-Type": "application/json"}
ACTIONS = {"do": {"input_schema": ANY, "output_schema": NUMBER}}
YAML = {"Content-Type": "application/yaml"}
STRANGE = (
    "quotes \" ' ` \\ / {{ context.x }} {% raw %} \u0001\u001f\u007f \u2028 \ud7ff\ue000 Ω é é 𝄞 🧨 \u202e"
)


async def _workflows(install: Install) -> list[str]:
    return [row["name"] for row in await install.rows("SELECT name FROM workflows")]


async def test_every_problem_of_a_workflow_comes_at_once_with_its_place(install: Install) -> None:
    body = spec(
        "all-wrong",
        [
            {"id": "a", "depends_on": ["c"]},
            {"id": "b", "agent": "nobody", "depends_on": ["a"]},
            {"id": "c", "depends_on": ["b"], "inputs": {"x": "{{ nodes.d.output.n }}"}},
            {"id": "d", "agent": "speaking", "action": "flaky", "inputs": {}},
            {"id": "e", "depends_on": ["d"], "inputs": {"x": "{{ nodes.d.output.atempt + }}"}},
        ],
    )
    answer = await install.http.post("/api/workflows", content=body, headers=JSON)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["code"] == "workflow.invalid"
    places = {error["place"] for error in problem["errors"]}
    assert {"nodes", "nodes.b.agent", "nodes.d.inputs", "nodes.e.inputs.x"} <= places
    cycle = next(error for error in problem["errors"] if error["code"] == "workflow.cycle")
    assert [name for name in "abc" if name in cycle["message"]] == ["a", "b", "c"]
    assert "obedient" in problem["details"]["known_agents"]
    assert "all-wrong" not in await _workflows(install)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\xff\xfe not yaml \x00", YAML, 422),
        (b"a: [", YAML, 422),
        (b'{"name": "x", "name": "y", "nodes": []}', JSON, 422),
        (
            b'{"name": "x", "nodes": [{"id": "a", "agent": "obedient", "action": "do", "agnet": 1}]}',
            JSON,
            422,
        ),
        (b"a: " + b"x" * 5_000_000, YAML, 413),
        (b"[" * 100_000, JSON, 422),
        (b"name: x", {"Content-Type": "text/html"}, 415),
    ],
)
async def test_what_is_no_workflow_at_all_is_a_problem_document(
    install: Install, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await install.http.post("/api/workflows", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"]
    assert "x" not in await _workflows(install)


async def test_malformed_ids_are_four_hundreds(install: Install) -> None:
    for path in (
        "/api/runs/nonsense",
        "/api/approvals/%00",
        "/api/artifacts/sha256:zz",
        "/api/agents/A%2F..%2FB",
    ):
        answer = await install.http.get(path)
        assert 400 <= answer.status_code < 500, path
        assert answer.headers["Content-Type"] == "application/problem+json"
    answer = await install.http.post("/api/approvals/nonsense/decision", json={"decision": "APPROVED"})
    assert answer.status_code == 422


async def test_a_context_that_breaks_the_workflow_s_schema_starts_no_run(install: Install) -> None:
    schema = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    await install.client.apply_workflow(spec("strict", [{"id": "a"}], input_schema=schema))
    for body in (b'{"context": {}}', b'{"context": {"text": 1}}', b'{"context": []}', b"{}"):
        answer = await install.http.post("/api/workflows/strict/trigger", content=body, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (422, "context.invalid"), body
    for body in (
        b'{"context": {"text": NaN}}',
        b'{"context": {"text": "\\u0000"}}',
        b'{"context": {"text": 1e400}}',
    ):
        answer = await install.http.post("/api/workflows/strict/trigger", content=body, headers=JSON)
        assert answer.status_code == 422, body
    answer = await install.http.post(
        "/api/workflows/strict/trigger", json={"context": {"text": "x" * 300_000}}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "context.too_large")
    assert (await install.client.runs(workflow="strict")).items == []


async def test_a_strange_context_of_256_kib_arrives_unchanged_byte_for_byte(install: Install) -> None:
    inputs = {"one": "{{ context }}", "two": "{{ context }}", "three": "{{ context.text }}"}
    await install.client.apply_workflow(spec("strange", [{"id": "echo", "inputs": inputs}]))
    head, tail = b'{"number": 1.50e2,  "text" : ', b',"\\u00e9":[ ]}'
    text = json.dumps(STRANGE + "ß" * 60_000, ensure_ascii=False).encode()
    context = head + text + tail
    context = head + text[:-1] + b"a" * (256 * 1024 - len(context)) + b'"' + tail
    assert len(context) == 256 * 1024
    body = b'{"version": 1, "context": ' + context + b"}"
    answer = await install.http.post("/api/workflows/strange/trigger", content=body, headers=JSON)
    assert answer.status_code == 202, answer.text
    run = answer.json()["id"]
    view = await install.until_final(run)
    assert view.status is RunStatus.FAILED  # an input has at most 512 KiB
    assert code_of(node_of(view, "echo")) == "input.too_large"
    assert (await install.http.get(f"/api/runs/{run}/context")).content == context
    assert view.context_sha256 == hashlib.sha256(context).hexdigest()

    once = {"all": "{{ context }}", "digest": True}
    await install.client.apply_workflow(spec("strange", [{"id": "echo", "inputs": once}]))
    answer = await install.http.post(
        "/api/workflows/strange/trigger", content=b'{"context": ' + context + b"}"
    )
    run = answer.json()["id"]
    view = await install.until_final(run)
    assert view.status is RunStatus.SUCCESS, view.failure
    given = (await install.http.get(f"/api/runs/{run}/nodes/echo/input")).content
    assert json.loads(given)["all"] == json.loads(context)
    output = json.loads(await install.client.node_output(run, "echo"))
    assert output["text"] == hashlib.sha256(given).hexdigest()  # what the agent read is what is shown


async def test_a_template_that_finds_nothing_fails_its_node_with_expression_and_place(
    install: Install,
) -> None:
    view = await install.run("finds-nothing", [{"id": "a", "inputs": {"x": ["{{ context.missing }}"]}}])
    failure = node_of(view, "a").failure
    assert failure is not None
    assert failure.code == "template.failed"
    assert "context.missing" in failure.message
    assert node_of(view, "a").attempts == []


async def test_registering_refuses_what_it_cannot_stand_for(install: Install) -> None:
    asked: list[bytes] = []

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(remember, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    remote = {"$ref": f"http://127.0.0.1:{port}/schema.json"}
    refused = [
        (manifest("remote", "", {"do": {"input_schema": remote, "output_schema": ANY}}), "agent.invalid"),
        (manifest("nowhere", "", ACTIONS, image="example.com/no:1"), "agent.image"),
        (manifest("net", "", ACTIONS, network={"egress": ["example.com:443"]}), "agent.invalid"),
    ]
    deep = b'{"items":' * 10_000 + b"{}" + b"}" * 10_000
    async with server:
        for body, code in refused:
            answer = await install.http.post("/api/agents", json=body)
            assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
        whole = json.dumps(
            manifest("deep", "", {"do": {"input_schema": ANY, "output_schema": {"x": 1}}})
        ).encode()
        answer = await install.http.post(
            "/api/agents", content=whole.replace(b'{"x": 1}', deep), headers=JSON
        )
        assert answer.status_code == 422
    assert asked == []
    known = {agent.name for agent in (await install.client.agents()).items}
    assert known.isdisjoint({"remote", "nowhere", "net", "deep"})


async def test_a_thousand_nodes_are_taken_and_one_more_is_not(install: Install) -> None:
    nodes = [{"id": "n0"}] + [{"id": f"n{n}", "depends_on": ["n0"]} for n in range(1, 1001)]
    answer = await install.http.post("/api/workflows", content=spec("big", nodes), headers=JSON)
    assert answer.status_code == 422, answer.text[:500]
    assert "1000" in answer.text
    run = await install.start("big", nodes[:1000])
    await install.until_node(run, "n0", NodeStatus.SUCCESS)
    await install.client.cancel(run, "it was only to be taken")
    view = await install.until_final(run)
    assert view.status is RunStatus.CANCELLED
    assert len(view.nodes) == 1000
    assert all(node.status.is_final for node in view.nodes)
    after = await install.run("after-big", [{"id": "a"}])
    assert after.status is RunStatus.SUCCESS
