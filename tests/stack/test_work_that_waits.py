"""Work that hosts have room for and cannot do: it is seen to wait, and what the runbook asks says why."""

import json
from typing import Any

import docker
import pytest
from airlock_contracts.statuses import RunStatus
from e2e_agents import ANY, NUMBER, OBEDIENT, manifest
from e2e_install import Install
from watching_servers import Prometheus

IMAGE = "airlock-tests-forgotten:latest"
DO = {"do": {"input_schema": ANY, "output_schema": NUMBER}}


@pytest.fixture
async def forgotten(install: Install, docker_engine: docker.DockerClient) -> str:
    """An agent whose image was there when it was registered, and is not any more."""
    made: Any = docker_engine.containers.create("airlock-base")
    try:
        made.commit(*IMAGE.split(":"), changes="LABEL airlock.tests=forgotten")
    finally:
        made.remove()
    try:
        agent = manifest("forgotten", OBEDIENT, DO, image=IMAGE)
        await install.client.register_agent(json.dumps(agent).encode())
    finally:
        docker_engine.images.remove(IMAGE)
    return "forgotten"


async def test_what_hosts_hand_back_is_seen_to_wait_while_slots_are_free(
    install: Install, prometheus: Prometheus, forgotten: str
) -> None:
    run = await install.start("waits-for-an-image", [{"id": "a", "agent": forgotten}])
    try:
        await prometheus.until(
            'max by (pool) (queue_oldest_seconds) > 12 and on (pool) max by (pool) (slots{state="free"}) > 0',
            seconds=60,
        )
        assert await prometheus.query("max by (pool) (queue_depth) == 1")
        (host,) = await install.client.hosts()
        assert host.missing_images == ["forgotten@1.0.0"]
        explained = await install.client.explain(run)
        assert "lacks the image of forgotten@1.0.0" in explained.model_dump_json()
    finally:
        await install.client.cancel(run)
    assert (await install.until_final(run)).status is RunStatus.CANCELLED
    await prometheus.until("max by (pool) (queue_depth) == 0", seconds=40)
