"""No container stays and nothing leaks: cancelled anywhere, in parallel, or left by a host that died."""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import docker
import pytest
from airlock_agents.sandbox.docker import Containers
from airlock_agents.sandbox.janitor import Janitor
from airlock_agents.sandbox.outcome import Outcome, Success
from airlock_agents.sandbox.policy import HostLimits, Owner, container_policy
from airlock_agents.sandbox.ports import SandboxRequest, SandboxSpec
from airlock_agents.sandbox.sandbox import OpenFailed
from airlock_agents.sandbox.sandboxes import Sandboxes

RunAgent = Callable[..., Awaitable[Outcome]]
SpecOf = Callable[..., SandboxSpec]
RequestOf = Callable[..., SandboxRequest]


async def of_host(containers: Containers, install: str, host: str) -> list[str]:
    found = await containers.of_install(install)
    return [container.id for container in found if container.labels["airlock.host"] == host]


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.6])
async def test_cancelled_at_any_moment_it_leaves_nothing(
    sandboxes: Sandboxes,
    containers: Containers,
    install_id: str,
    host_id: str,
    recorder: Any,
    spec_of: SpecOf,
    request_of: RequestOf,
    seconds: float,
) -> None:
    running = asyncio.create_task(
        sandboxes.run(spec_of(["sleep", "60"]), request_of(None), recorder, recorder)
    )
    await asyncio.wait({running}, timeout=seconds)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await of_host(containers, install_id, host_id) == []
    assert sandboxes.live == frozenset()


async def test_cancelled_again_while_it_cleans_up_it_still_cleans_up(
    sandboxes: Sandboxes,
    containers: Containers,
    install_id: str,
    host_id: str,
    recorder: Any,
    spec_of: SpecOf,
    request_of: RequestOf,
) -> None:
    running = asyncio.create_task(
        sandboxes.run(spec_of(["sleep", "60"]), request_of(None), recorder, recorder)
    )
    while not await of_host(containers, install_id, host_id):
        await asyncio.sleep(0.01)
    while not running.done():
        running.cancel()
        await asyncio.sleep(0)
    assert running.cancelled()
    assert await of_host(containers, install_id, host_id) == []


async def test_fifty_runs_leak_no_file_descriptor(run_shell: RunAgent) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    await asyncio.gather(*(run_shell("cat", 1) for _ in range(8)))  # the engine's connections are kept
    before = await asyncio.to_thread(descriptors)
    for _ in range(10):
        outcomes = await asyncio.gather(*(run_shell("cat", 1) for _ in range(5)))
        assert all(isinstance(outcome, Success) for outcome in outcomes)
    assert await asyncio.to_thread(descriptors) <= before


async def test_an_image_that_is_not_there_is_named(
    sandboxes: Sandboxes, recorder: Any, spec_of: SpecOf, request_of: RequestOf
) -> None:
    spec = spec_of(["true"])
    missing = SandboxSpec(sandbox=spec.sandbox, manifest=spec.manifest, image="sha256:" + "0" * 64)
    with pytest.raises(OpenFailed) as caught:
        await sandboxes.open(missing)
    assert caught.value.outcome.failure.code == "image.missing"
    assert sandboxes.live == frozenset()


async def test_a_sandbox_waits_open_until_it_is_asked(
    sandboxes: Sandboxes, recorder: Any, spec_of: SpecOf, request_of: RequestOf
) -> None:
    sandbox = await sandboxes.open(spec_of(["cat"]))
    assert sandboxes.live == {sandbox.spec.sandbox}
    outcome = await sandbox.invoke(request_of({"a": 1}), recorder, recorder)
    await sandbox.close()
    await sandbox.close()
    assert isinstance(outcome, Success)


async def test_a_container_that_vanishes_is_lost_and_not_the_agents_fault(
    sandboxes: Sandboxes,
    containers: Containers,
    install_id: str,
    host_id: str,
    recorder: Any,
    spec_of: SpecOf,
    request_of: RequestOf,
) -> None:
    sandbox = await sandboxes.open(spec_of(["sleep", "60"]))
    asking = asyncio.create_task(sandbox.invoke(request_of(None), recorder, recorder))
    for container in await of_host(containers, install_id, host_id):
        await containers.remove(container)
    outcome = await asking
    await sandbox.close()
    assert not isinstance(outcome, Success)
    assert (outcome.failure.code, outcome.failure.retryable) == ("sandbox.lost", True)


async def test_a_create_whose_answer_was_lost_is_found_again(
    containers: Containers, sandboxes: Sandboxes, install_id: str, host_id: str, spec_of: SpecOf
) -> None:
    spec = spec_of(["cat"])
    owner = Owner(install=install_id, host=host_id, boot="boot-1", sandbox=spec.sandbox)
    policy = container_policy(
        manifest=spec.manifest, image=spec.image, host=HostLimits(), owner=owner, processors=1
    )
    first = await containers.create(policy)
    assert await containers.create(policy) == first
    await containers.remove_named(owner)
    assert await of_host(containers, install_id, host_id) == []


@pytest.fixture
def leave(docker_engine: docker.DockerClient, base_image: str) -> Any:
    """Leave a container behind, as a host does that was killed; all are removed at the end."""
    made = []

    def make(install: str, host: str, boot: str, sandbox: str = "s1") -> str:
        labels = Owner(install=install, host=host, boot=boot, sandbox=sandbox).labels
        container = docker_engine.containers.run(base_image, ["sleep", "60"], detach=True, labels=labels)
        made.append(container)
        return str(container.id)

    yield make
    for container in made:
        try:
            container.remove(force=True)
        except docker.errors.NotFound:
            continue


async def test_a_janitor_removes_its_hosts_older_boots_and_nobody_elses(
    containers: Containers, install_id: str, leave: Any
) -> None:
    mine, other = f"h-{uuid.uuid4().hex[:8]}", f"h-{uuid.uuid4().hex[:8]}"
    other_install = f"test-other-{uuid.uuid4().hex[:8]}"
    older, used, unused, theirs, foreign = await asyncio.to_thread(
        lambda: (
            leave(install_id, mine, "boot-1"),
            leave(install_id, mine, "boot-2", "used"),
            leave(install_id, mine, "boot-2", "unused"),
            leave(install_id, other, "boot-9"),
            leave(other_install, mine, "boot-1"),
        )
    )
    janitor = Janitor(
        containers, install=install_id, host=mine, boot="boot-2", live=lambda: frozenset({"used"})
    )
    assert await janitor.sweep() == 2
    left = {c.id for install in (install_id, other_install) for c in await containers.of_install(install)}
    assert {used, theirs, foreign} <= left
    assert not {older, unused} & left

    assert await janitor.sweep(frozenset({other})) == 1
    assert theirs not in {c.id for c in await containers.of_install(install_id)}


async def test_a_janitor_leaves_a_running_sandbox_alone(
    sandboxes: Sandboxes,
    containers: Containers,
    install_id: str,
    host_id: str,
    recorder: Any,
    spec_of: SpecOf,
    request_of: RequestOf,
) -> None:
    janitor = Janitor(
        containers, install=install_id, host=host_id, boot="boot-1", live=lambda: sandboxes.live
    )
    sandbox = await sandboxes.open(spec_of(["cat"]))
    assert await janitor.sweep() == 0
    outcome = await sandbox.invoke(request_of(1), recorder, recorder)
    await sandbox.close()
    assert isinstance(outcome, Success)
