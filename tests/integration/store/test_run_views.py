"""Runs, approvals and events as REST shows them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from airlock_contracts.events import EventType
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import Usage
from airlock_contracts.statuses import ApprovalStatus, RiskLevel, RunStatus
from airlock_orchestration.engine.signals import AttemptFailed, CancelRequested, Evidence
from airlock_orchestration.store.approvals import find_approval, page_approvals
from airlock_orchestration.store.events import is_over, read_events
from airlock_orchestration.store.views import find_run, page_runs


async def test_a_run_is_shown_whole(shop: Any, kit: Any) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    run = await shop.go(shop.start(await shop.workflow(kit.GATED), traceparent=trace))
    usage = Usage(run_ms=12.5)
    run = await shop.go(
        shop.change(run, kit.succeeded(run.id, evidence=Evidence(stderr_tail="log", usage=usage)))
    )
    async with shop.database.reading() as session:
        view = await find_run(session, "default", UUID(run.id))
        assert await find_run(session, "theirs", UUID(run.id)) is None
        assert await find_run(session, "default", uuid4()) is None
    assert (view.workflow, view.workflow_version, view.status) == ("flow", 1, RunStatus.WAITING_APPROVAL)
    assert (view.context, view.created_by, view.created_at) == ({"text": "hello"}, "alice", kit.START)
    assert view.trace_id == "0af7651916cd43dd8448eb211c80319c"
    a, ask = view.nodes
    assert (a.id, a.agent, a.action, a.risk_level, a.depends_on) == (
        "a",
        "echo@1.0.0",
        "say",
        RiskLevel.AUTO,
        [],
    )
    assert [(one.id, one.status, one.host, one.stderr_tail, one.usage) for one in a.attempts] == [
        (f"{run.id}/a/1", "SUCCESS", "host-1", "log", usage)
    ]
    assert (ask.risk_level, ask.depends_on, ask.attempts) == (RiskLevel.APPROVAL_REQUIRED, ["a"], [])
    assert ask.approval.input == '{"text":"hi"}'
    assert (ask.approval.preview, ask.approval.requested_by) == ("say hi", "alice")


async def test_a_failed_attempt_shows_what_it_printed(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    failure = Failure(kind=FailureKind.AGENT, code="agent.error", message="no")
    evidence = Evidence(raw_output=b'{"half": \xff')
    run = await shop.go(
        shop.change(run, AttemptFailed(run.id, "a", 1, kit.TOKEN, "host-1", failure, evidence))
    )
    async with shop.database.reading() as session:
        view = await find_run(session, "default", UUID(run.id))
    assert view.failure == failure
    assert view.nodes[0].attempts[0].raw_output == '{"half": \ufffd'
    assert view.nodes[1].status == "SKIPPED"


async def test_runs_are_paged_newest_first_and_filtered(shop: Any, kit: Any) -> None:
    flow, other = await shop.workflow(kit.CHAIN), await shop.workflow(kit.CHAIN, name="other")
    starts = [
        shop.start(other if n == 2 else flow, now=kit.START + timedelta(seconds=n // 2)) for n in range(5)
    ]
    await shop.apply(*starts)
    cancelled = await shop.load(starts[4].run.id)
    await shop.go(shop.change(cancelled, CancelRequested(cancelled.id, "carol")))
    seen: list[str] = []
    before = None
    async with shop.database.reading() as session:
        while rows := await page_runs(session, "default", before=before, limit=2):
            seen += [view.id for view, _ in rows]
            before = rows[-1][1]
        ended = await page_runs(session, "default", status=RunStatus.CANCELLED, limit=10)
        of_other = await page_runs(session, "default", workflow=UUID(other.workflow_id), limit=10)
        assert await page_runs(session, "theirs", limit=10) == []
    order = sorted(starts, key=lambda c: (c.events[0].at, UUID(c.run.id)), reverse=True)
    assert seen == [change.run.id for change in order]
    assert [view.id for view, _ in ended] == [cancelled.id]
    assert [(view.id, view.workflow) for view, _ in of_other] == [(starts[2].run.id, "other")]


async def test_approvals_are_listed_with_their_input(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(kit.GATED)
    gates: list[str] = []
    for n in range(3):
        run = await shop.go(shop.start(seeded))
        run = await shop.go(
            shop.change(run, kit.succeeded(run.id, text=f"hi {n}"), now=kit.START + timedelta(seconds=n))
        )
        gates.append(run.nodes["ask"].approval.id)
    await shop.go(shop.change(run, CancelRequested(run.id, "carol")))
    async with shop.database.reading() as session:
        pending = await page_approvals(session, "default", status=ApprovalStatus.PENDING, limit=10)
        first = await page_approvals(session, "default", limit=2)
        rest = await page_approvals(session, "default", before=first[-1][1], limit=2)
        one = await find_approval(session, "default", UUID(gates[2]))
        assert await find_approval(session, "theirs", UUID(gates[2])) is None
    assert [view.id for view, _ in pending] == [gates[1], gates[0]]
    assert [view.input for view, _ in pending] == ['{"text":"hi 1"}', '{"text":"hi 0"}']
    assert [view.id for view, _ in first + rest] == gates[::-1]
    assert (one.status, one.decided_by, one.agent, one.action) == ("WITHDRAWN", "carol", "echo@1.0.0", "say")


async def test_events_are_read_behind_the_last_one_seen(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    run = await shop.go(shop.change(run, kit.claimed(run.id)))
    events = await read_events(shop.connection, "default", run.id)
    assert [(event.seq, event.type) for event in events] == [
        (1, EventType.RUN_STARTED),
        (2, EventType.NODE_QUEUED),
        (3, EventType.NODE_RUNNING),
    ]
    assert events[2].data == {"attempt": 1, "host": "host-1"}
    assert (events[0].principal, events[2].principal) == ("alice", "airlock")
    assert await read_events(shop.connection, "default", run.id, after=2) == events[2:]
    assert await read_events(shop.connection, "default", run.id, limit=1) == events[:1]
    assert await read_events(shop.connection, "theirs", run.id) == []
    assert await is_over(shop.connection, "default", run.id) == (False, 3)
    assert await is_over(shop.connection, "theirs", run.id) is None
