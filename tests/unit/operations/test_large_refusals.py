"""A megabyte of mistakes costs whoever waits beside it little: few are told, and none of it on the loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any, cast

import pytest
from airlock_contracts.messages import ImageReply
from airlock_orchestration.errors import AgentInvalid, AirlockError, WorkflowInvalid
from airlock_orchestration.operations import agents, workflows
from airlock_orchestration.operations.documents import DocumentFormat, read_document
from airlock_orchestration.operations.principals import Principal
from airlock_orchestration.store.sessions import Sessions
from airlock_orchestration.store.tables import KeyRole

ALICE = Principal("0123456789", "alice", KeyRole.ADMIN)
NOWHERE = cast(Sessions, None)
MANY = 30_000


async def no_host(pool: str, image: str) -> ImageReply | None:
    raise AssertionError("what is refused asks no host")


async def refused(call: Awaitable[Any]) -> AirlockError:
    """What a call is refused with; others had their turns on the loop meanwhile."""
    turns = 0
    usually = sys.getswitchinterval()
    sys.setswitchinterval(usually / 10)  # the work is done in milliseconds: on a busy machine in few turns
    task = asyncio.ensure_future(call)
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    sys.setswitchinterval(usually)
    with pytest.raises(AirlockError) as raised:
        await task
    assert turns > 10
    return raised.value


async def test_a_manifest_with_very_many_mistakes_is_refused_with_some_of_them() -> None:
    text = ",".join(f'"a{number}": {number}' for number in range(MANY))
    document = read_document(f"{{{text}}}".encode(), DocumentFormat.JSON)
    error = await refused(agents.register(NOWHERE, no_host, ALICE, document))
    assert isinstance(error, AgentInvalid)
    assert error.detail == f"{MANY + 5} problems, the first 100 are listed"
    assert len(error.errors) == 100


async def test_a_workflow_with_very_many_mistakes_too() -> None:
    fields = "".join(f"\n    a{number}: 1" for number in range(MANY))
    document = read_document(f"name: w\nnodes:\n  - id: n{fields}\n".encode(), DocumentFormat.YAML)
    error = await refused(workflows.apply(NOWHERE, ALICE, document))
    assert isinstance(error, WorkflowInvalid)
    assert len(error.errors) == 100
    assert error.errors[-1].message == "unknown field 'a97' (line 101)"
