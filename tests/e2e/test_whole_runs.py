"""Whole runs of every shape: joins, fans, cancels, and the service told to stop in the middle."""

import asyncio
import json
import time
from typing import Any
from uuid import UUID

import pytest
from airlock_client.errors import ProblemError
from airlock_contracts.statuses import AttemptStatus, NodeStatus, RunStatus
from e2e_install import Install, code_of, node_of


async def test_a_diamond_s_join_starts_once_and_sees_both_of_its_parents(install: Install) -> None:
    text = "{{ nodes.%s.output.text }}"
    nodes = [
        {"id": "top", "inputs": {"text": "t"}},
        {"id": "left", "depends_on": ["top"], "inputs": {"text": text % "top" + "l"}},
        {"id": "right", "depends_on": ["top"], "inputs": {"text": text % "top" + "r"}},
        {"id": "join", "depends_on": ["left", "right"], "inputs": {"seen": [text % "left", text % "right"]}},
    ]
    await install.start("diamond", nodes)
    runs = [(await install.client.trigger("diamond", {})).id for _ in range(4)]
    for run in runs:
        view = await install.until_final(run)
        assert view.status is RunStatus.SUCCESS, view.failure
        join = node_of(view, "join")
        assert [a.status for a in join.attempts] == [AttemptStatus.SUCCESS]
        assert json.loads(await install.client.node_output(run, "join"))["seen"] == ["tl", "tr"]
        queued = await install.rows(
            "SELECT node FROM events WHERE run_id = $1 AND type = 'node.queued' ORDER BY seq", UUID(run)
        )
        assert sorted(row["node"] for row in queued) == ["join", "left", "right", "top"]
        parents = [node_of(view, parent).finished_at for parent in ("left", "right")]
        assert join.started_at is not None
        assert all(done is not None and done <= join.started_at for done in parents)


async def test_a_fan_of_fifty_nodes_is_joined_with_every_node_done_once(install: Install) -> None:
    fan = [{"id": f"n{n}", "depends_on": ["start"], "inputs": {"text": str(n)}} for n in range(50)]
    outputs = [f"{{{{ nodes.n{n}.output.text }}}}" for n in range(50)]
    join = {"id": "join", "depends_on": [node["id"] for node in fan], "inputs": {"seen": outputs}}
    view = await install.run("fan", [{"id": "start"}, *fan, join])
    assert view.status is RunStatus.SUCCESS, view.failure
    assert all(len(node.attempts) == 1 for node in view.nodes)
    seen = json.loads(await install.client.node_output(view.id, "join"))["seen"]
    assert seen == [str(n) for n in range(50)]
    rows = await install.rows("SELECT seq FROM events WHERE run_id = $1 ORDER BY seq", UUID(view.id))
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))


async def test_cancelling_ends_what_runs_and_what_follows_never_starts(install: Install) -> None:
    nodes: list[dict[str, Any]] = [
        {"id": "slow", "inputs": {"seconds": 50}},
        {"id": "quick"},
        {"id": "after", "depends_on": ["slow"]},
    ]
    run = await install.start("cancelled", nodes)
    await install.until_node(run, "slow", NodeStatus.RUNNING)
    await install.until_node(run, "quick", NodeStatus.SUCCESS)
    began = time.monotonic()
    await install.client.cancel(run, "not needed")
    view = await install.until_final(run)
    assert time.monotonic() - began < 10
    assert view.status is RunStatus.CANCELLED
    assert {node.id: node.status.value for node in view.nodes} == {
        "slow": "CANCELLED",
        "quick": "SUCCESS",
        "after": "CANCELLED",
    }
    assert code_of(node_of(view, "slow")) == "cancelled"
    assert node_of(view, "slow").attempts[-1].status is AttemptStatus.CANCELLED
    assert node_of(view, "after").attempts == []
    await install.until_no_container()
    again = await install.client.cancel(run)
    assert again.status is RunStatus.CANCELLED
    done = await install.run("not-cancelled", [{"id": "a"}])
    with pytest.raises(ProblemError) as raised:
        await install.client.cancel(done.id)
    assert (raised.value.problem.status, raised.value.problem.code) == (409, "run.final")


async def test_one_idempotency_key_makes_one_run_however_often_it_is_sent(install: Install) -> None:
    await install.start("once", [{"id": "a", "inputs": {"text": "{{ context.text }}"}}], {"text": "0"})
    accepted = await asyncio.gather(
        *(install.client.trigger("once", {"text": "1"}, idempotency_key="k-1") for _ in range(10))
    )
    assert len({one.id for one in accepted}) == 1
    with pytest.raises(ProblemError) as raised:
        await install.client.trigger("once", {"text": "2"}, idempotency_key="k-1")
    assert raised.value.problem.code == "idempotency.mismatch"
    assert len((await install.client.runs(workflow="once")).items) == 2
    assert (await install.until_final(accepted[0].id)).status is RunStatus.SUCCESS


async def test_sigterm_in_the_middle_of_a_run_ends_the_service_with_0_and_loses_nothing(
    install: Install,
) -> None:
    chain = [
        {"id": f"n{n}", "depends_on": [f"n{n - 1}"] if n else [], "inputs": {"seconds": 0.4}}
        for n in range(6)
    ]
    run = await install.start("stopped", chain)
    await install.until_node(run, "n1", NodeStatus.SUCCESS)
    how, seconds = await install.stop_and_start("orchestration")
    assert how == "exit code 0"
    assert seconds < 30
    view = await install.until_final(run)
    assert view.status is RunStatus.SUCCESS, view.failure
    assert [len([a for a in node.attempts if a.status is AttemptStatus.SUCCESS]) for node in view.nodes] == [
        1
    ] * 6


async def test_sigterm_to_the_host_costs_no_attempt(install: Install) -> None:
    run = await install.start(
        "drained", [{"id": "a", "inputs": {"seconds": 3}}, {"id": "b", "depends_on": ["a"]}]
    )
    await install.until_node(run, "a", NodeStatus.RUNNING)
    how, seconds = await install.stop_and_start("agent-host")
    assert how == "exit code 0"
    assert seconds < 30
    view = await install.until_final(run)
    assert view.status is RunStatus.SUCCESS, view.failure
    assert [len(node.attempts) for node in view.nodes] == [1, 1]
