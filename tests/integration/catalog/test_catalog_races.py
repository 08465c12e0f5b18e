"""What two do at once in the catalog ends as if they had come one after the other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from airlock_contracts.messages import ImageReply
from airlock_orchestration.errors import AgentConflict, AirlockError
from airlock_orchestration.operations import agents, workflows
from airlock_orchestration.operations.documents import Document
from airlock_orchestration.operations.principals import Principal
from airlock_orchestration.store.sessions import Sessions
from airlock_orchestration.store.tables import KeyRole

SCHEMA = {"type": "object"}
MANIFEST: dict[str, Any] = {
    "name": "echo",
    "version": "1.0.0",
    "type": "SCRIPT",
    "image": "example.com/echo:1",
    "actions": {"say": {"input_schema": SCHEMA, "output_schema": SCHEMA}},
}


async def resolve(pool: str, image: str) -> ImageReply:
    return ImageReply(digest="sha256:" + "1" * 64)


def flow(timeout: str = "5m") -> Document:
    node = {"id": "a", "agent": "echo", "action": "say", "timeout": timeout}
    return Document({"name": "flow", "nodes": [node]})


async def test_the_same_version_registered_at_once_is_new_once(sessions: Sessions, alice: Principal) -> None:
    outcomes = await asyncio.gather(
        *(agents.register(sessions, resolve, alice, Document(MANIFEST)) for _ in range(6))
    )
    assert sorted(new for _, new in outcomes) == [False] * 5 + [True]
    assert len({view.id for view, _ in outcomes}) == 1


async def test_of_different_contents_at_once_one_is_registered(sessions: Sessions, alice: Principal) -> None:
    manifests = [Document({**MANIFEST, "description": str(number)}) for number in range(6)]
    outcomes = await asyncio.gather(
        *(agents.register(sessions, resolve, alice, manifest) for manifest in manifests),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(outcome) for outcome in refused] == [AgentConflict] * 5


async def test_the_same_workflow_applied_at_once_is_one_version(sessions: Sessions, alice: Principal) -> None:
    await agents.register(sessions, resolve, alice, Document(MANIFEST))
    outcomes = await asyncio.gather(*(workflows.apply(sessions, alice, flow()) for _ in range(6)))
    assert sorted(new for _, new in outcomes) == [False] * 5 + [True]
    assert {view.version for view, _ in outcomes} == {1}


async def test_different_ones_at_once_are_numbered_without_a_gap(
    sessions: Sessions, alice: Principal
) -> None:
    await agents.register(sessions, resolve, alice, Document(MANIFEST))
    await asyncio.gather(*(workflows.apply(sessions, alice, flow(f"{n}m")) for n in range(1, 7)))
    views, rest = await workflows.list_versions(sessions, alice, "flow", before=None, limit=10)
    assert [view.version for view in views] == [6, 5, 4, 3, 2, 1]
    assert rest is None


async def test_another_project_sees_nothing_of_it(sessions: Sessions, alice: Principal) -> None:
    view, _ = await agents.register(sessions, resolve, alice, Document(MANIFEST))
    await workflows.apply(sessions, alice, flow())
    mallory = Principal("9876543210", "mallory", KeyRole.ADMIN, project="another")
    for look in (
        agents.get_agent(sessions, mallory, "echo"),
        agents.get_agent(sessions, mallory, view.id),
        workflows.get_workflow(sessions, mallory, "flow"),
    ):
        with pytest.raises(AirlockError) as refused:
            await look
        assert refused.value.status == 404
        assert refused.value.details["known"] == []
