"""Applying workflows through REST: what is refused, with every problem and its place."""

from __future__ import annotations

from typing import Any

import pytest

YAML = {"Content-Type": "application/yaml"}
GOOD = """
name: flow
input_schema: {type: object, required: [text], properties: {text: {type: string}}}
nodes:
  - {id: a, agent: echo, action: say, inputs: {text: "{{ context.text }}"}}
  - id: b
    agent: echo@1.0.0
    action: say
    depends_on: [a]
    inputs: {text: "{{ nodes.a.output.text }}"}
    timeout: 5m
"""


async def test_yaml_and_json_say_the_same(rig: Any) -> None:
    await rig.register()
    first = await rig.client.post("/api/workflows", content=GOOD, headers=YAML)
    assert first.status_code == 201, first.text
    again = await rig.client.post("/api/workflows", json=first.json()["spec"])
    assert again.status_code == 200
    assert again.json() == first.json()


async def test_other_content_makes_a_new_version_and_the_old_one_stays(rig: Any) -> None:
    await rig.register()
    first = (await rig.client.post("/api/workflows", content=GOOD, headers=YAML)).json()
    changed = GOOD.replace("5m", "6m")
    second = await rig.client.post("/api/workflows", content=changed, headers=YAML)
    assert (second.status_code, second.json()["version"]) == (201, 2)
    assert second.json()["id"] == first["id"]
    assert (await rig.client.get("/api/workflows/flow?version=1")).json() == first
    assert (await rig.client.get(f"/api/workflows/{first['id']}")).json()["version"] == 2
    versions = (await rig.client.get("/api/workflows/flow/versions?limit=1")).json()
    assert [item["version"] for item in versions["items"]] == [2]
    rest = await rig.client.get(f"/api/workflows/flow/versions?before={versions['next_cursor']}")
    assert [item["version"] for item in rest.json()["items"]] == [1]


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("depends_on: [a]", "depends_on: [b]", "workflow.cycle", "nodes"),
        ("agent: echo,", "agent: ecko,", "workflow.unknown_agent", "nodes.a.agent"),
        ("echo@1.0.0", "echo@3.0.0", "workflow.unknown_agent", "nodes.b.agent"),
        ("    depends_on: [a]\n", "", "workflow.not_an_ancestor", "nodes.b.inputs.text"),
        ("output.text", "output.txet", "workflow.impossible_path", "nodes.b.inputs.text"),
        ('"{{ context.text }}"', "7", "workflow.invalid_input", "nodes.a.inputs.text"),
        ("timeout: 5m", "timeuot: 5m", "field.extra_forbidden", "nodes.b.timeuot"),
        ("timeout: 5m", "timeout: yes", "field.value_error", "nodes.b.timeout"),
        ("action: say,", "action: shout,", "workflow.unknown_action", "nodes.a.action"),
    ],
)
async def test_what_is_wrong_is_told_with_code_place_and_line(
    rig: Any, old: str, new: str, code: str, place: str
) -> None:
    await rig.register()
    assert old in GOOD
    answer = await rig.client.post("/api/workflows", content=GOOD.replace(old, new), headers=YAML)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "workflow.invalid"
    found = {error["code"]: error for error in problem["errors"]}
    assert found[code]["place"] == place
    assert "(line " in found[code]["message"]
    assert (await rig.client.get("/api/workflows")).json()["items"] == []


async def test_all_problems_come_at_once_and_an_unknown_agent_lists_the_known(rig: Any) -> None:
    await rig.register()
    broken = GOOD.replace("agent: echo,", "agent: ecko,").replace("echo@1.0.0", "ecko@2.0.0")
    problem = (await rig.client.post("/api/workflows", content=broken, headers=YAML)).json()
    assert {"nodes.a.agent", "nodes.b.agent"} <= {error["place"] for error in problem["errors"]}
    assert problem["details"]["known_agents"] == ["echo"]
    assert "did you mean echo?; known: echo" in problem["errors"][0]["message"]
    assert "hint" not in problem  # which would list them once more


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{a: b", "yaml.syntax"),
        ("just words", None),
        ("a: 1\na: 2\n", "yaml.duplicate_key"),
        ("a: &x [1]\nb: *x\n", "yaml.alias"),
        ("a: !!python/object/apply:os.system [id]\n", "yaml.tag"),
        ("\x00", "yaml.syntax"),
        ("", "yaml.empty"),
        ("---\na: 1\n---\nb: 2\n", "yaml.documents"),
        ("[" * 5000, "yaml.too_deep"),
        ("- " * 200_000, "yaml.too_deep"),
    ],
)
async def test_what_is_not_a_document_is_refused_with_its_line(rig: Any, body: str, code: str | None) -> None:
    answer = await rig.client.post("/api/workflows", content=body.encode(), headers=YAML)
    assert answer.status_code == 422
    if code is not None:
        assert answer.json()["code"] == "document.invalid"
        assert answer.json()["errors"][0]["code"] == code


async def test_five_megabytes_are_413_announced_or_not(rig: Any) -> None:
    body = b"a: " + b"x" * 5_000_000

    async def unannounced() -> Any:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    for content in (body, unannounced()):
        answer = await rig.client.post("/api/workflows", content=content, headers=YAML)
        assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


async def test_another_media_type_is_415_with_those_that_are_read(rig: Any) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await rig.client.post("/api/workflows", content="a=b", headers=form)
    assert (answer.status_code, answer.json()["code"]) == (415, "request.media_type")
    assert "application/yaml" in answer.json()["hint"]


async def test_an_unknown_workflow_s_answer_lists_the_known_ones(rig: Any) -> None:
    await rig.register()
    await rig.client.post("/api/workflows", content=GOOD, headers=YAML)
    answer = await rig.client.get("/api/workflows/flaw")
    assert (answer.status_code, answer.json()["code"]) == (404, "workflow.unknown")
    assert answer.json()["details"]["known"] == ["flow"]
    assert (await rig.client.get("/api/workflows/flow?version=9")).status_code == 404
    assert (await rig.client.get("/api/workflows/%00")).status_code == 404
