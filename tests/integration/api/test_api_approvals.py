"""Decisions through REST: once, bound to the hash, and told plainly when they come too late."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest


async def decide(client: Any, approval: dict[str, Any], decision: str = "APPROVED", **changes: Any) -> Any:
    body = {"decision": decision, "payload_sha256": approval["payload_sha256"], **changes}
    return await client.post(f"/api/approvals/{approval['id']}/decision", json=body)


async def test_an_approval_shows_the_whole_input_and_its_hash(rig: Any) -> None:
    run, approval = await rig.waiting('say "hi"')
    assert approval["input"] == '{"text":"say \\"hi\\""}'
    assert approval["preview"] == 'say say "hi"'
    assert (approval["run"], approval["requested_by"]) == (run, "alice")
    listed = (await rig.client.get("/api/approvals?status=PENDING")).json()["items"]
    assert listed == [approval]
    assert (await rig.run(run))["status"] == "WAITING_APPROVAL"


async def test_approving_lets_the_node_go_and_records_who(rig: Any) -> None:
    run, approval = await rig.waiting()
    answer = await decide(rig.client, approval, notes="looks right")
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert (after["status"], after["decided_by"], after["notes"]) == ("APPROVED", "alice", "looks right")
    assert (await rig.run(run))["nodes"][0]["status"] == "QUEUED"


async def test_rejecting_fails_the_node_by_policy(rig: Any) -> None:
    run, approval = await rig.waiting()
    assert (await decide(rig.client, approval, "REJECTED")).json()["status"] == "REJECTED"
    view = await rig.run(run)
    assert view["status"] == "FAILED"
    assert view["nodes"][0]["failure"]["code"] == "approval.rejected"


async def test_another_hash_is_412_and_decides_nothing(rig: Any) -> None:
    run, approval = await rig.waiting()
    answer = await decide(rig.client, approval, payload_sha256="0" * 64)
    assert answer.status_code == 412
    problem = answer.json()
    assert problem["code"] == "decision.stale"
    assert problem["details"]["payload_sha256"] == approval["payload_sha256"]
    assert "decide with its payload_sha256" in problem["hint"]
    assert (await rig.run(run))["status"] == "WAITING_APPROVAL"


async def test_deciding_again_is_409_with_the_first_decision(rig: Any) -> None:
    _, approval = await rig.waiting()
    await decide(rig.client, approval, notes="first")
    async with rig.client_of(await rig.new_key("bob")) as bob:
        answer = await decide(bob, approval, "REJECTED", notes="second")
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "decision.made"
    assert problem["details"]["status"] == "APPROVED"
    assert problem["details"]["decided_by"] == "alice"
    assert problem["details"]["notes"] == "first"


async def test_of_racing_deciders_exactly_one_wins_and_the_row_says_who(rig: Any) -> None:
    run, approval = await rig.waiting()
    keys = [await rig.new_key(f"person-{number}") for number in range(10)]
    clients = [rig.client_of(key) for key in keys]
    verdicts = ["APPROVED", "REJECTED"] * 5
    answers = await asyncio.gather(
        *(decide(client, approval, verdict) for client, verdict in zip(clients, verdicts, strict=True))
    )
    for client in clients:
        await client.aclose()
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [409] * 9
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    kept = (await rig.client.get(f"/api/approvals/{approval['id']}")).json()
    assert kept == winner
    told = {answer.json()["details"]["decided_by"] for answer in answers if answer.status_code == 409}
    assert told == {winner["decided_by"]}
    expected = "QUEUED" if winner["status"] == "APPROVED" else "FAILED"
    assert (await rig.run(run))["nodes"][0]["status"] == expected


async def test_an_unknown_approval_is_404_and_a_malformed_id_422(rig: Any) -> None:
    body = {"id": str(uuid4()), "payload_sha256": "0" * 64}
    unknown = await decide(rig.client, body)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "approval.unknown")
    assert (await decide(rig.client, {**body, "id": "7"})).status_code == 422


@pytest.mark.parametrize("swept", [False, True])
async def test_an_expired_approval_is_409_before_and_after_the_sweep(rig: Any, swept: bool) -> None:
    run, approval = await rig.waiting()
    async with rig.sessions.path() as connection:
        await connection.execute("UPDATE approvals SET expires_at = clock_timestamp() - interval '1 second'")
    if swept:
        await rig.expire(run, approval)
    answer = await decide(rig.client, approval)
    assert (answer.status_code, answer.json()["code"]) == (409, "decision.too_late")
    assert (await rig.run(run))["nodes"][0]["status"] != "QUEUED"


async def test_a_withdrawn_approval_is_409(rig: Any) -> None:
    run, approval = await rig.waiting()
    await rig.client.post(f"/api/runs/{run}/cancel")
    answer = await decide(rig.client, approval)
    assert (answer.status_code, answer.json()["code"]) == (409, "decision.withdrawn")


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "MAYBE"},
        {"payload_sha256": "short"},
        {"notes": 7},
        {"notes": "x" * 4001},
        {"approver": "mallory"},
    ],
)
async def test_a_bad_decision_is_422_and_decides_nothing(rig: Any, changes: dict[str, Any]) -> None:
    _, approval = await rig.waiting()
    body = {"decision": "APPROVED", "payload_sha256": approval["payload_sha256"], **changes}
    answer = await rig.client.post(f"/api/approvals/{approval['id']}/decision", json=body)
    assert answer.status_code == 422
    assert (await rig.client.get(f"/api/approvals/{approval['id']}")).json()["status"] == "PENDING"


async def test_a_get_never_decides(rig: Any) -> None:
    _, approval = await rig.waiting()
    answer = await rig.client.get(f"/api/approvals/{approval['id']}/decision")
    assert (answer.status_code, answer.json()["code"]) == (405, "route.method")
    assert "POST" in answer.headers["allow"]


async def test_where_the_setting_says_so_the_requester_may_not_decide(strict_rig: Any) -> None:
    rig = strict_rig
    _, approval = await rig.waiting()
    own = await decide(rig.client, approval)
    assert (own.status_code, own.json()["code"]) == (403, "decision.by_requester")
    async with rig.client_of(await rig.new_key("bob")) as bob:
        assert (await decide(bob, approval)).json()["decided_by"] == "bob"
