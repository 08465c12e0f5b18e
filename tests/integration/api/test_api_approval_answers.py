"""What an approval shows, field by field, how a list of them is asked for, and what a refusal says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from airlock_chassis.telemetry.traces import span_id
from airlock_contracts.statuses import Verdict
from airlock_contracts.views import DecisionRequest
from airlock_orchestration.errors import (
    AirlockError,
    ApprovalUnknown,
    DecisionByRequester,
    DecisionMade,
    DecisionStale,
    DecisionTooLate,
    DecisionWithdrawn,
)
from airlock_orchestration.operations.approvals import Approvals
from airlock_orchestration.operations.principals import Principal
from airlock_orchestration.store.tables import KeyRole
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

GATES: dict[str, Any] = {
    "name": "gates",
    "nodes": [
        {
            "id": id_,
            "agent": agent,
            "action": "say",
            "inputs": {"text": id_},
            "approval": {"on_expiry": on_expiry, "expires_in": expires_in},
        }
        for id_, agent, on_expiry, expires_in in (
            ("first", "echo", "reject", "1h"),
            ("second", "other", "skip", "2h"),
        )
    ],
}


def somebody(name: str, project: str = "default") -> Principal:
    """Somebody who asks, without a request."""
    return Principal(key="0123456789", name=name, role=KeyRole.ADMIN, project=project)


async def decided(
    approvals: Approvals,
    who: Principal,
    approval: dict[str, Any],
    verdict: Verdict = Verdict.APPROVED,
    **more: str,
) -> Any:
    request = DecisionRequest(decision=verdict, payload_sha256=approval["payload_sha256"], **more)
    return await approvals.decide(who, UUID(approval["id"]), request)


async def refusal(rig: Any, approval: dict[str, Any]) -> AirlockError:
    """What somebody who comes too late is told."""
    with pytest.raises(AirlockError) as refused:
        await decided(rig.deps.approvals, somebody("late"), approval)
    return refused.value


def between(earlier: str, later: str) -> timedelta:
    return datetime.fromisoformat(later) - datetime.fromisoformat(earlier)


async def test_an_approval_shows_what_is_asked_by_whom_until_when_and_then_the_answer(rig: Any) -> None:
    await rig.register(name="other", version="2.1.0")
    run = await rig.start(GATES, "x")
    nodes = {node["id"]: node["approval"] for node in (await rig.run(run))["nodes"]}
    first, second = nodes["first"], nodes["second"]
    assert second == {
        "id": second["id"],
        "project": "default",
        "run": run,
        "workflow": "gates",
        "node": "second",
        "status": "PENDING",
        "agent": "other@2.1.0",
        "action": "say",
        "payload_sha256": second["payload_sha256"],
        "input": '{"text":"second"}',
        "preview": None,
        "on_expiry": "skip",
        "requested_at": second["requested_at"],
        "requested_by": "alice",
        "expires_at": second["expires_at"],
        "decided_at": None,
        "decided_by": None,
        "notes": None,
    }
    assert (first["agent"], first["input"], first["on_expiry"]) == (
        "echo@1.0.0",
        '{"text":"first"}',
        "reject",
    )
    assert between(first["requested_at"], first["expires_at"]) == timedelta(hours=1)
    assert between(second["requested_at"], second["expires_at"]) == timedelta(hours=2)
    assert len({first["payload_sha256"], second["payload_sha256"], first["id"], second["id"]}) == 4
    assert (await rig.client.get(f"/api/approvals/{second['id']}")).json() == second
    bob = somebody("bob")
    await decided(rig.deps.approvals, bob, second, Verdict.REJECTED, notes="not today")
    after = (await rig.client.get(f"/api/approvals/{second['id']}")).json()
    assert after == {
        **second,
        "status": "REJECTED",
        "decided_by": "bob",
        "decided_at": after["decided_at"],
        "notes": "not today",
    }
    assert between(second["requested_at"], after["decided_at"]) > timedelta(0)
    untouched = (await rig.client.get(f"/api/approvals/{first['id']}")).json()
    assert untouched == first


async def test_a_list_has_what_was_asked_for_those_asked_last_first(rig: Any) -> None:
    await rig.register(name="other")
    runs = [await rig.start(GATES, "x") for _ in range(2)]
    listed = (await rig.client.get("/api/approvals")).json()["items"]
    assert [one["run"] for one in listed] == [runs[1], runs[1], runs[0], runs[0]]
    order = [(one["requested_at"], one["id"]) for one in listed]
    assert order == sorted(order, reverse=True)
    await decided(rig.deps.approvals, somebody("bob"), listed[0])

    async def ids(**asked: str) -> list[str]:
        return [one["id"] for one in (await rig.client.get("/api/approvals", params=asked)).json()["items"]]

    everything = [one["id"] for one in listed]
    assert await ids(status="APPROVED") == everything[:1]
    assert await ids(status="PENDING") == everything[1:]
    assert await ids(run=runs[0]) == everything[2:]
    assert await ids(run=runs[1], status="PENDING") == everything[1:2]
    assert await ids(run=str(uuid4())) == []
    # Two that one step asked for have one time: the page ends between them.
    page = (await rig.client.get("/api/approvals", params={"limit": 3})).json()
    assert [one["id"] for one in page["items"]] == everything[:3]
    rest = (await rig.client.get("/api/approvals", params={"limit": 3, "cursor": page["next_cursor"]})).json()
    assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == (everything[3:], None)


async def test_another_project_sees_none_of_it(rig: Any) -> None:
    run, approval = await rig.waiting()
    stranger = somebody("eve", project="other")
    page = await rig.deps.approvals.page(stranger, status=None, run=UUID(run), cursor=None, limit=9)
    assert page.items == []
    for attempt in (
        rig.deps.approvals.get(stranger, UUID(approval["id"])),
        decided(rig.deps.approvals, stranger, approval),
    ):
        with pytest.raises(ApprovalUnknown) as refused:
            await attempt
        assert str(refused.value) == f"no approval has the id {approval['id']}"


async def test_a_decision_for_another_hash_is_told_both_and_where_to_look(rig: Any) -> None:
    _, approval = await rig.waiting()
    with pytest.raises(DecisionStale) as refused:
        await decided(rig.deps.approvals, somebody("bob"), {**approval, "payload_sha256": "0" * 64})
    assert str(refused.value) == (
        f"the decision names {'0' * 64}, approval {approval['id']} covers {approval['payload_sha256']}"
    )
    assert refused.value.details == {
        "payload_sha256": approval["payload_sha256"],
        "given": "0" * 64,
        "approval": f"/api/approvals/{approval['id']}",
    }


async def test_who_started_the_run_is_told_that_another_must_decide(rig: Any) -> None:
    run, approval = await rig.waiting()
    strict = Approvals(rig.sessions, rig.door, requester_may_decide=False)
    with pytest.raises(DecisionByRequester) as refused:
        await decided(strict, somebody("alice"), approval)
    assert str(refused.value) == f"alice started run {run}"
    assert (await decided(strict, somebody("bob"), approval)).decided_by == "bob"
    _, another = await rig.waiting("again")
    usual = Approvals(rig.sessions, rig.door)
    assert (await decided(usual, somebody("alice"), another)).decided_by == "alice"


async def test_a_decision_that_comes_too_late_is_told_what_happened(rig: Any) -> None:
    bob = somebody("bob")
    _, approval = await rig.waiting()
    made = await decided(rig.deps.approvals, bob, approval, notes="fine")
    refused = await refusal(rig, approval)
    assert isinstance(refused, DecisionMade)
    at = f"{made.decided_at:%Y-%m-%dT%H:%M:%SZ}"
    assert str(refused) == f"bob APPROVED approval {approval['id']} at {at}, with the notes: fine"
    assert refused.details == {
        "status": "APPROVED",
        "decided_by": "bob",
        "decided_at": made.decided_at.isoformat(),
        "notes": "fine",
    }

    _, approval = await rig.waiting("silent")
    await decided(rig.deps.approvals, bob, approval)
    assert str(await refusal(rig, approval)).endswith("Z, without notes")

    run, approval = await rig.waiting("withdrawn")
    await rig.client.post(f"/api/runs/{run}/cancel")
    refused = await refusal(rig, approval)
    assert isinstance(refused, DecisionWithdrawn)
    assert str(refused) == f"approval {approval['id']} was withdrawn with run {run}"
    assert refused.details == {"run": run}

    run, approval = await rig.waiting("expired")
    async with rig.sessions.path() as connection:
        await connection.execute(
            "UPDATE approvals SET expires_at = '2026-01-02T03:04:05Z' WHERE id = $1", UUID(approval["id"])
        )
    for swept in (False, True):
        if swept:
            await rig.expire(run, approval)
        refused = await refusal(rig, approval)
        assert isinstance(refused, DecisionTooLate)
        assert str(refused) == f"approval {approval['id']} expired at 2026-01-02T03:04:05Z"
        assert refused.details == {"run": run}


async def test_a_decision_is_a_span_of_its_run_below_the_wait_and_linked_to_its_own_request(
    rig: Any, recorded_spans: InMemorySpanExporter
) -> None:
    run, approval = await rig.waiting()
    answer = await rig.client.post(
        f"/api/approvals/{approval['id']}/decision",
        json={"decision": "APPROVED", "payload_sha256": approval["payload_sha256"]},
    )
    assert answer.status_code == 200
    found = {span.name: span for span in recorded_spans.get_finished_spans()}
    decided, asked = found["approval.decide"], found["POST /api/approvals/{approval}/decision"]
    assert dict(decided.attributes or {}) == {
        "airlock.run": run,
        "airlock.node": "ask",
        "airlock.approval": approval["id"],
        "airlock.status": "APPROVED",
    }
    assert decided.parent is not None
    assert f"{decided.parent.span_id:016x}" == span_id(approval["id"])
    assert [link.context.trace_id for link in decided.links] == [asked.context.trace_id]
    assert [link.context.span_id for link in decided.links] == [asked.context.span_id]
    assert decided.context.trace_id != asked.context.trace_id
    view = (await rig.client.get(f"/api/runs/{run}")).json()
    assert f"{decided.context.trace_id:032x}" == view["trace_id"]
