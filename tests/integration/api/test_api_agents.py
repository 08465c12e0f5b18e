"""Registering agents through REST."""

from __future__ import annotations

from typing import Any

import pytest


async def test_a_new_version_is_201_and_the_same_again_is_200(rig: Any) -> None:
    first = await rig.client.post("/api/agents", json=_echo())
    again = await rig.client.post("/api/agents", json=_echo())
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["location"] == f"/api/agents/{first.json()['id']}"
    assert first.json()["image_digest"] == "sha256:" + "1" * 64


async def test_the_same_version_with_other_content_is_refused_and_nothing_changes(rig: Any) -> None:
    kept = await rig.register()
    answer = await rig.client.post("/api/agents", json=_echo(description="another"))
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "agent.conflict"
    assert problem["details"]["registered_content_sha256"] == kept["content_sha256"]
    assert (await rig.client.get("/api/agents/echo")).json() == kept


async def test_a_rebuilt_image_needs_a_new_version(rig: Any) -> None:
    await rig.register()
    rig.images.known["example.com/echo:1"] = "sha256:" + "2" * 64
    assert (await rig.client.post("/api/agents", json=_echo())).status_code == 409
    assert (await rig.register(version="1.0.1"))["image_digest"] == "sha256:" + "2" * 64


async def test_a_missing_image_is_422_and_no_host_is_503(rig: Any) -> None:
    missing = await rig.client.post("/api/agents", json=_echo(image="example.com/none:1"))
    assert (missing.status_code, missing.json()["code"]) == (422, "agent.image")
    assert missing.json()["errors"][0]["place"] == "image"
    rig.images.hosts_up = False
    alone = await rig.client.post("/api/agents", json=_echo())
    assert (alone.status_code, alone.json()["code"]) == (503, "host.none")
    assert alone.json()["retryable"] is True
    assert alone.headers["retry-after"]


async def test_every_problem_of_a_manifest_is_told_with_its_line(rig: Any) -> None:
    manifest = """
name: Echo Agent
version: one
type: SCRIPT
image: example.com/echo:1
colour: red
limits: {memory_mb: "512"}
actions:
  say:
    input_schema: {type: object}
    output_schema: {type: object}
"""
    answer = await rig.client.post(
        "/api/agents", content=manifest, headers={"Content-Type": "application/yaml"}
    )
    assert answer.status_code == 422
    places = {error["place"]: error["message"] for error in answer.json()["errors"]}
    assert set(places) == {"name", "version", "colour", "limits.memory_mb"}
    assert "line 6" in places["colour"]
    assert "unknown field" in places["colour"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"network": {"egress": ["example.com:443"]}}, "network"),
        ({"secrets": ["token"], "protocol": "airlock/1"}, "secrets"),
    ],
)
async def test_network_and_secrets_are_refused_by_name(rig: Any, change: dict[str, Any], place: str) -> None:
    answer = await rig.client.post("/api/agents", json=_echo(**change))
    assert answer.status_code == 422
    assert [error["place"] for error in answer.json()["errors"]] == [place]


async def test_a_remote_reference_and_a_deep_schema_are_refused_without_a_fetch(rig: Any) -> None:
    remote = {"$ref": "http://example.com/schema.json"}
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(45):
        deep = {"properties": {"a": deep}}
    for schema, code in ((remote, "schema.remote_reference"), (deep, "schema.too_deep")):
        actions = {"say": {"input_schema": schema, "output_schema": {"type": "object"}}}
        answer = await rig.client.post("/api/agents", json=_echo(actions=actions))
        if code == "schema.too_deep":
            assert answer.status_code == 422
            continue
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == code
        assert answer.json()["errors"][0]["place"].startswith("actions.say.input_schema")


async def test_ten_thousand_levels_are_refused_while_they_are_read(rig: Any) -> None:
    body = '{"a":' * 10_000 + "1" + "}" * 10_000
    answer = await rig.client.post("/api/agents", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "document.invalid")


async def test_a_stdio_agent_takes_no_workspace(rig: Any) -> None:
    schema = {"type": "object", "properties": {"workspace": {"$ref": "airlock:artifact"}}}
    actions = {"say": {"input_schema": schema, "output_schema": {"type": "object"}}}
    answer = await rig.client.post("/api/agents", json=_echo(actions=actions))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "protocol.stdio"
    spoken = await rig.client.post("/api/agents", json=_echo(actions=actions, protocol="airlock/1"))
    assert spoken.status_code == 201


async def test_a_number_that_postgres_writes_otherwise_is_refused(rig: Any) -> None:
    schema = {"type": "object", "properties": {"x": {"maximum": 1e300}}}
    actions = {"say": {"input_schema": schema, "output_schema": {"type": "object"}}}
    answer = await rig.client.post("/api/agents", json=_echo(actions=actions))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "schema.number"
    assert (await rig.client.get("/api/agents")).json()["items"] == []


async def test_the_newest_version_is_the_highest_and_not_the_latest(rig: Any) -> None:
    for version in ("1.10.0", "1.9.0", "2.0.0-rc.1", "1.2.0"):
        await rig.register(version=version)
    assert (await rig.client.get("/api/agents/echo")).json()["version"] == "2.0.0-rc.1"
    assert (await rig.client.get("/api/agents/echo@1.9.0")).json()["version"] == "1.9.0"
    assert (await rig.client.get("/api/agents/echo?version=1.2.0")).json()["version"] == "1.2.0"


async def test_an_unknown_agent_s_answer_lists_the_known_ones(rig: Any) -> None:
    await rig.register()
    answer = await rig.client.get("/api/agents/ecko")
    assert (answer.status_code, answer.json()["code"]) == (404, "agent.unknown")
    assert answer.json()["details"]["known"] == ["echo"]
    assert "echo" in answer.json()["hint"]
    other = await rig.client.get("/api/agents/echo@9.9.9")
    assert other.json()["details"]["known"] == ["1.0.0"]


async def test_pages_hold_every_version_once(rig: Any) -> None:
    for minor in range(7):
        await rig.register(version=f"1.{minor}.0")
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await rig.client.get(f"/api/agents?limit=3{cursor}")).json()
        seen += [item["version"] for item in page["items"]]
        if page.get("next_cursor") is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [f"1.{minor}.0" for minor in reversed(range(7))]


async def test_a_host_reads_the_version_that_it_will_run(rig: Any) -> None:
    registered = await rig.register()
    key = await rig.new_key("host-1", _host_role())
    async with rig.client_of(key) as host:
        version = (await host.get(f"/api/agents/versions/{registered['id']}")).json()
        assert version["image_digest"] == registered["image_digest"]
        assert version["content_sha256"] == registered["content_sha256"]
        assert (await host.get("/api/agents")).status_code == 403
        assert (await host.get("/api/agents/versions/not-an-id")).status_code == 422


def _echo(**changes: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    manifest = {
        "name": "echo",
        "version": "1.0.0",
        "type": "SCRIPT",
        "image": "example.com/echo:1",
        "actions": {"say": {"input_schema": schema, "output_schema": schema}},
    }
    return {**manifest, **changes}


def _host_role() -> Any:
    from airlock_orchestration.store.tables import KeyRole

    return KeyRole.HOST
