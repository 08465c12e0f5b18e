"""Two people may edit one workflow: what builds on an old version is refused; reads say what is new."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest
from airlock_orchestration.operations.preconditions import Precondition


def spec(text: str) -> dict[str, Any]:
    node = {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": text}}
    return {"name": "edited", "nodes": [node]}


async def apply(rig: Any, text: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await rig.client.post("/api/workflows", json=spec(text), headers=named)


async def test_a_change_that_builds_on_an_old_version_changes_nothing(rig: Any) -> None:
    await rig.register()
    first = (await apply(rig, "one")).headers["etag"]
    second = await apply(rig, "two", If_Match=first)
    assert second.status_code == 201
    late = await apply(rig, "three", If_Match=first)
    assert (late.status_code, late.json()["code"]) == (412, "workflow.changed")
    assert late.json()["details"] == {"version": 2}
    newest = await rig.client.get("/api/workflows/edited")
    assert newest.json()["version"] == 2
    assert newest.headers["etag"] == second.headers["etag"]
    assert (await apply(rig, "three", If_Match=f'"other", {second.headers["etag"]}')).status_code == 201


async def test_of_two_who_build_on_the_same_version_one_is_told(rig: Any) -> None:
    await rig.register()
    tag = (await apply(rig, "one")).headers["etag"]
    answers = await asyncio.gather(*(apply(rig, f"by {n}", If_Match=tag) for n in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 412, 412, 412, 412, 412]


async def test_a_weak_tag_is_nothing_to_build_on_and_a_known_version_can_be_excluded(rig: Any) -> None:
    await rig.register()
    tag = (await apply(rig, "one")).headers["etag"]
    assert (await apply(rig, "two", If_Match=f"W/{tag}")).status_code == 412
    assert (await apply(rig, "two", If_None_Match=f'"other", W/{tag}')).status_code == 412
    assert (await apply(rig, "two", If_None_Match='"other"')).status_code == 201


async def test_what_is_there_already_is_no_conflict(rig: Any) -> None:
    await rig.register()
    first = (await apply(rig, "one")).headers["etag"]
    await apply(rig, "two")
    again = await apply(rig, "two", If_Match=first)  # the answer to the change before got lost
    assert (again.status_code, again.json()["version"]) == (200, 2)


async def test_a_name_is_taken_only_once_for_who_asks_so(rig: Any) -> None:
    await rig.register()
    assert (await apply(rig, "one", If_Match="*")).status_code == 412
    assert (await rig.client.get("/api/workflows/edited")).status_code == 404
    assert (await apply(rig, "one", If_None_Match="*")).status_code == 201
    assert (await apply(rig, "two", If_None_Match="*")).status_code == 412
    assert (await apply(rig, "two", If_Match="*")).status_code == 201


@pytest.mark.parametrize(
    ("precondition", "absent", "current", "other"),
    [
        (Precondition(), True, True, True),
        (Precondition(tags=frozenset({"a"})), False, True, False),
        (Precondition(must_be_there=True), False, True, True),
        (Precondition(must_be_absent=True), True, False, False),
        (Precondition(other_than=frozenset({"a"})), True, False, True),
    ],
)
def test_a_precondition_holds_or_not(
    precondition: Precondition, absent: bool, current: bool, other: bool
) -> None:
    assert [precondition.holds(tag) for tag in (None, "a", "b")] == [absent, current, other]


async def test_who_has_it_already_is_not_sent_it_again(rig: Any) -> None:
    run = await rig.start()
    await rig.claim(run, "a")
    await rig.succeed(run, "a", {"text": "done"})
    agent = (await rig.client.get("/api/agents/echo")).json()["id"]
    digest = hashlib.sha256(b"bytes").hexdigest()
    await rig.client.put(f"/api/artifacts/{digest}", content=b"bytes")
    for path in (
        "/api/workflows/chain",
        f"/api/agents/versions/{agent}",
        f"/api/artifacts/{digest}",
        f"/api/runs/{run}/context",
        f"/api/runs/{run}/nodes/a/input",
        f"/api/runs/{run}/nodes/a/output",
        f"/api/runs/{run}/graph.svg",
        "/api/workflows/chain/graph.svg",
    ):
        first = await rig.client.get(path)
        tag = first.headers["etag"]
        assert first.headers["cache-control"] == "private, no-cache"
        for known in (tag, f'W/{tag}, "x"', "*"):
            again = await rig.client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), path
        for known in ('"x"', "x", tag.strip('"')):
            assert (await rig.client.get(path, headers={"If-None-Match": known})).content == first.content
