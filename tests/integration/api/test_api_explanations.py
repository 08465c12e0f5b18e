"""Why a run waits, asked over REST of real rows: by the same facts as the wake-up certificate."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from airlock_contracts.explanations import Explanation
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import HeartbeatRequest
from airlock_orchestration.engine.signals import AttemptFailed
from airlock_orchestration.store.certificate import open_nodes, violations
from airlock_orchestration.store.hosts import note_heartbeat


async def explained(rig: Any, run: str) -> Explanation:
    answer = await rig.client.get(f"/api/runs/{run}/explain")
    assert answer.status_code == 200, answer.text
    return Explanation.model_validate_json(answer.content)


async def host_beats(rig: Any, **facts: Any) -> None:
    plain = {"host": "host-1", "boot": "b", "pool": "default", "version": "0.1.0", "slots": 2, "busy": 0}
    async with rig.sessions.writing() as session:
        await note_heartbeat(session, HeartbeatRequest.model_validate({**plain, "memory_mb": 1024, **facts}))


async def test_a_queued_node_says_what_its_pool_lacks(rig: Any) -> None:
    run = await rig.start()
    seen = []
    seen.append((await explained(rig, run)).waiting[0].reason)
    for facts in ({"missing_images": ["echo@1.0.0"]}, {"busy": 2}, {}, {"draining": True}):
        await host_beats(rig, **facts)
        seen.append((await explained(rig, run)).waiting[0].reason)
    assert seen == ["host.none", "image.missing", "host.busy", "host.pending", "host.none"]


async def test_a_run_is_explained_from_its_first_wait_to_its_end(rig: Any) -> None:
    await host_beats(rig)
    run = await rig.start()
    said = await explained(rig, run)
    assert [(one.node, one.reason, one.waits_for) for one in said.waiting] == [
        ("a", "host.pending", ["pool default"]),
        ("b", "parents.open", ["a"]),
    ]
    await rig.claim(run, "a")
    said = await explained(rig, run)
    assert said.waiting[0].reason == "attempt.running"
    assert said.why == "a: attempt 1 runs on host-1, which holds it by a lease that it renews"
    assert said.at is not None
    assert said.at > said.now
    await rig.fail(run, "a")
    said = await explained(rig, run)
    assert said.waiting == []
    assert said.why == "a failed with agent.error: it broke"
    assert [(one.node, one.attempt, one.host) for one in said.failed] == [("a", f"{run}/a/1", "host-1")]
    assert said.retry is not None
    assert (said.retry.possible, said.retry.redoes) == (True, ["a", "b"])
    assert said.failed[0].page is not None
    page = await rig.client.get(said.failed[0].page)
    assert said.failed[0].todo in page.text


async def test_a_gate_names_its_approval_and_what_happens_if_nobody_answers(rig: Any) -> None:
    run, approval = await rig.waiting()
    said = await explained(rig, run)
    assert said.status == "WAITING_APPROVAL"
    assert said.waiting[0].waits_for == [approval["id"]]
    assert said.waiting[0].command == f"airlock approvals show {approval['id']}"
    assert "fails with approval.expired" in said.then
    assert said.at is not None
    assert said.at.isoformat()[:19] == approval["expires_at"][:19]


async def test_a_cancelled_run_keeps_who_and_why(rig: Any) -> None:
    run = await rig.start()
    assert (await rig.run(run))["cancel"] is None
    answer = await rig.client.post(f"/api/runs/{run}/cancel", json={"reason": "wrong branch"})
    assert answer.json()["cancel"]["reason"] == "wrong branch"
    said = await explained(rig, run)
    assert said.why == "alice cancelled it: wrong branch"
    assert (await rig.run(run))["cancel"] == {
        "by": "alice",
        "at": answer.json()["cancel"]["at"],
        "reason": "wrong branch",
    }


async def test_what_the_certificate_lists_is_explained_as_a_bug(rig: Any) -> None:
    run, other = await rig.start(), await rig.start()
    async with rig.sessions.path() as connection:
        await connection.execute("UPDATE attempts SET redispatch_at = NULL WHERE run_id = $1", run)
        assert [one.unwoken for one in await open_nodes(connection, run)] == [
            "no attempt is dispatched",
            None,
        ]
        assert await violations(connection, run) == await violations(connection)
        assert await violations(connection, other) == []
    said = await explained(rig, run)
    assert said.bug
    assert said.why == (
        "something of it would sleep for ever: a: no attempt is dispatched; this is a bug of Airlock"
    )
    assert said.waiting[0].reason == "bug"
    assert not (await explained(rig, other)).bug


async def test_an_attempt_that_nobody_is_at_is_a_bug_too(rig: Any) -> None:
    run = await rig.start()
    async with rig.sessions.path() as connection:
        await connection.execute(
            "UPDATE nodes SET status = 'FAILED', failure = $2 WHERE run_id = $1 AND node = 'a'",
            run,
            '{"kind": "internal", "code": "internal", "message": "made up"}',
        )
    said = await explained(rig, run)
    assert said.bug
    assert "attempt 1 is open, its node is not at it" in said.why


async def test_a_code_of_the_agent_s_own_has_no_page(rig: Any) -> None:
    run = await rig.start()
    failure = Failure(kind=FailureKind.AGENT, code="scan.failed", message="no rules")
    await rig.door.advance(AttemptFailed(run, "a", 1, "token-0123456789abcdef", "host-1", failure=failure))
    (failed,) = (await explained(rig, run)).failed
    assert (failed.code, failed.page) == ("scan.failed", None)
    assert "of its own" in failed.todo


async def test_an_unknown_run_has_no_explanation(rig: Any) -> None:
    answer = await rig.client.get(f"/api/runs/{uuid4()}/explain")
    assert (answer.status_code, answer.json()["code"]) == (404, "run.unknown")


async def test_a_node_that_backs_off_says_what_failed_and_when_it_goes_on(rig: Any) -> None:
    patient = {"max_attempts": 3, "base_delay": "1h", "max_delay": "1h", "jitter": "none"}
    node = {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "x"}, "retry": patient}
    run = await rig.start({"name": "patient", "nodes": [node]})
    await rig.claim(run, "a")
    await rig.fail(run, "a", retryable=True)
    said = (await explained(rig, run)).waiting[0]
    assert said.reason == "retry.later"
    assert said.why == "attempt 1 failed with agent.error: it broke"
    assert said.then == "it is tried again (failure 1 of at most 3)"
    assert said.at is not None
    assert said.since is not None
    assert 3590 < (said.at - said.since).total_seconds() < 3610
