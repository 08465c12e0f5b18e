"""Explained as a person asks it, on the composed stack: a gate, a pool without hosts, a pause, a failure."""

import asyncio
import os
import sys
from typing import Any

from airlock_contracts.statuses import NodeStatus
from e2e_agents import ANY, NUMBER, OBEDIENT, manifest
from e2e_install import Install

CAREFUL: dict[str, Any] = {"agent": "careful"}


async def _explained(install: Install, run: str) -> str:
    """What the command prints."""
    key = install.http.headers["Authorization"].removeprefix("Bearer ")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "airlock_client", "runs", "explain", run),
        env=os.environ | {"AIRLOCK_URL": install.stack.api_url, "AIRLOCK_KEY": key, "COLUMNS": "1000"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_a_run_at_a_gate_names_who_must_decide_and_how(install: Install) -> None:
    run = await install.start("explained-gate", [CAREFUL | {"id": "apply"}])
    asked = await install.until_asked(run, "apply")
    said = await _explained(install, run)
    assert "is WAITING_APPROVAL" in said
    assert "a person must decide about do of careful@1.0.0 (since " in said
    assert "it counts as rejected: the node fails with approval.expired, at " in said
    assert f"next:  airlock approvals show {asked.id}" in said
    await install.client.cancel(run, "seen enough")
    said = await _explained(install, run)
    assert "cancelled it: seen enough" in said
    assert "a retry copies nothing and starts apply anew" in said


async def test_a_run_whose_pool_has_no_host_says_so(install: Install) -> None:
    # Only a host of its pool can pin an image: this agent was registered, then its pool lost its hosts.
    action = {"do": {"input_schema": ANY, "output_schema": NUMBER}}
    lonely = manifest("lonely", OBEDIENT, action)
    await install.http.post("/api/agents", json=lonely)
    await install.rows(
        "UPDATE agents SET manifest = jsonb_set(manifest, '{pool}', '\"elsewhere\"') WHERE name = 'lonely'"
    )
    run = await install.start("explained-lonely", [{"id": "n", "agent": "lonely"}])
    said = await _explained(install, run)
    assert "n: no agent host of pool elsewhere is up" in said
    assert "a host that starts in this pool takes it" in said
    assert "next:  airlock hosts" in said
    await install.client.cancel(run)


async def test_a_run_that_backs_off_says_when_it_is_tried_again(install: Install) -> None:
    flaky = {
        "id": "n",
        "agent": "speaking",
        "action": "flaky",
        "inputs": {"succeeds_at": 9},
        "retry": {"max_attempts": 3, "base_delay": "1h", "max_delay": "1h", "jitter": "none"},
    }
    run = await install.start("explained-pause", [flaky])
    await install.until_node(run, "n", NodeStatus.BACKING_OFF)
    said = await _explained(install, run)
    assert "attempt 1 failed with agent.busy: attempt 1 (since " in said
    assert "it is tried again (failure 1 of at most 3), at " in said
    assert ", in 59 min" in said or ", in 1 h 0 min" in said
    await install.client.cancel(run)


async def test_a_failed_run_says_where_why_and_what_to_do(install: Install) -> None:
    hostile = {"id": "n", "agent": "hostile", "action": "attack", "inputs": {"how": "exit-1"}}
    view = await install.run("explained-failure", [hostile, {"id": "after", "depends_on": ["n"]}])
    said = await _explained(install, view.id)
    assert "n failed: exit.nonzero (sandbox)" in said
    assert f"where: attempt {view.id}/n/1 on " in said
    assert "do:    Read the end of its stderr" in said
    assert "a retry copies nothing and starts n, after anew" in said
    assert f"next:  airlock runs retry {view.id}" in said
