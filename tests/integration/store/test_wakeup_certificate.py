"""The certificate is empty for every state the engine makes, and names what would sleep for ever."""

from datetime import UTC, datetime
from typing import Any

import pytest
from airlock_contracts.statuses import RunStatus
from airlock_orchestration.engine.signals import CancelRequested
from airlock_orchestration.store.certificate import Violation, violations

DIAMOND: list[dict[str, Any]] = [
    {"id": "top", "agent": "echo", "action": "say"},
    {"id": "left", "agent": "echo", "action": "say", "depends_on": ["top"]},
    {"id": "right", "agent": "echo", "action": "say", "depends_on": ["top"], "approval": {}},
    {"id": "join", "agent": "echo", "action": "say", "depends_on": ["left", "right"]},
]


async def test_no_state_of_a_run_breaks_it(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(DIAMOND)))
    for signal in (
        kit.claimed(run.id, "top"),
        kit.succeeded(run.id, "top"),
        kit.succeeded(run.id, "left"),
        CancelRequested(run.id, "carol"),
    ):
        assert await violations(shop.connection) == []
        run = await shop.go(shop.change(run, signal, now=datetime.now(UTC)))
    assert run.status is RunStatus.CANCELLED
    assert await violations(shop.connection) == []


@pytest.mark.parametrize(
    ("break_it", "node", "why"),
    [
        ("UPDATE attempts SET redispatch_at = NULL WHERE node = 'left'", "left", "no attempt is dispatched"),
        ("UPDATE nodes SET status = 'BACKING_OFF' WHERE node = 'left'", "left", "no time to retry"),
        ("UPDATE nodes SET status = 'RUNNING' WHERE node = 'left'", "left", "no attempt runs"),
        ("UPDATE approvals SET status = 'APPROVED'", "right", "no approval is open"),
        (
            "UPDATE nodes SET status = 'FAILED' WHERE node IN ('left', 'right')",
            "join",
            "no predecessor is open",
        ),
        ("UPDATE nodes SET status = 'FAILED' WHERE node = 'left'", "left", "attempt 1 is open"),
        (
            "UPDATE nodes SET status = 'FAILED' WHERE node = 'right'",
            "right",
            "is open, its node does not wait",
        ),
        ("UPDATE nodes SET status = 'FAILED'", None, "all its nodes are over"),
        ("UPDATE runs SET status = 'FAILED', finished_at = now()", "join", "its run is over"),
    ],
)
async def test_what_would_sleep_for_ever_is_named(
    shop: Any, kit: Any, break_it: str, node: str | None, why: str
) -> None:
    run = await shop.go(shop.start(await shop.workflow(DIAMOND)))
    run = await shop.go(shop.change(run, kit.succeeded(run.id, "top")))
    assert await violations(shop.connection) == []
    await shop.connection.execute(break_it)
    found = await violations(shop.connection)
    assert any(one.run == run.id and one.node == node and why in one.why for one in found), found


async def test_a_violation_says_what_and_why(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    await shop.connection.execute("UPDATE attempts SET redispatch_at = NULL")
    assert await violations(shop.connection) == [
        Violation(run=run.id, node="a", status="QUEUED", why="no attempt is dispatched")
    ]
