"""What an agent said before it ended, heard by a host that stands still for too long."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from airlock_agents.sandbox.outcome import Outcome, Success
from airlock_agents.sandbox.ports import SandboxRequest, SandboxSpec
from airlock_agents.sandbox.sandboxes import Sandboxes
from airlock_contracts.artifacts import ArtifactRef

STILL_SECONDS = 5
"""The engine throws away what is left two seconds after a container has ended."""
SIZES = range(5_550_000, 5_650_000, 20_000)
"""What is read ahead and what the engine keeps are full then, and the end stands in the pipe."""
AGENT = """
from airlock_sdk import Agent
agent = Agent()
@agent.action("go")
def go(inputs, ctx):
    ctx.put_artifact("large.bin", bytes({size}))
    return {{"said": True}}
agent.run()
"""


async def test_answers_arrive_although_the_store_of_their_artifacts_stood_still(
    sandboxes: Sandboxes,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep = recorder.artifact

    async def slowly(name: str, media_type: str, size: int, chunks: AsyncIterator[bytes]) -> ArtifactRef:
        async def standing_still() -> AsyncIterator[bytes]:
            yield await anext(chunks)
            await asyncio.sleep(STILL_SECONDS)
            async for chunk in chunks:
                yield chunk

        kept: ArtifactRef = await keep(name, media_type, size, standing_still())
        return kept

    async def run(size: int) -> Outcome:
        spec = spec_of(["python3", "-c", AGENT.format(size=size)], "airlock/1")
        return await sandboxes.run(spec, request_of({}), recorder, recorder)

    monkeypatch.setattr(recorder, "artifact", slowly)
    for outcome in await asyncio.gather(*map(run, SIZES)):
        assert isinstance(outcome, Success), outcome
    assert {len(data) for data in recorder.artifacts.values()} == set(SIZES)
