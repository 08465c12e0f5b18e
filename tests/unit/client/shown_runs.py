"""Runs, nodes and approvals as REST would show them, for tests of what people see."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from airlock_contracts.statuses import (
    ApprovalStatus,
    AttemptStatus,
    NodeStatus,
    OnExpiry,
    RiskLevel,
    RunStatus,
)
from airlock_contracts.views import ApprovalView, AttemptView, NodeView, RunView
from rich.console import Console

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RUN = "01a1fb92-a733-77a9-bf74-a9297a698323"


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def attempt(status: AttemptStatus = AttemptStatus.SUCCESS, **more: Any) -> AttemptView:
    given: dict[str, Any] = {
        "dispatched_at": AT,
        "started_at": AT,
        "finished_at": later(2),
        "host": "host-1",
    } | more
    return AttemptView(id=f"{RUN}/scan/1", number=1, status=status, **given)


def node(name: str = "scan", status: NodeStatus = NodeStatus.SUCCESS, **more: Any) -> NodeView:
    given: dict[str, Any] = {
        "depends_on": [],
        "attempts": [attempt()],
        "started_at": AT,
        "finished_at": later(2),
    }
    return NodeView(
        id=name,
        status=status,
        agent="security-scanner@1.0.0",
        action="scan",
        risk_level=RiskLevel.AUTO,
        **(given | more),
    )


def run(*nodes: NodeView, status: RunStatus = RunStatus.FAILED, **more: Any) -> RunView:
    return RunView(
        id=RUN,
        project="default",
        workflow="security-review",
        workflow_version=1,
        status=status,
        created_at=AT,
        created_by="ada",
        finished_at=later(3),
        context_sha256="0" * 64,
        nodes=list(nodes),
        **more,
    )


def approval(**more: Any) -> ApprovalView:
    given: dict[str, Any] = {"status": ApprovalStatus.PENDING, "input": "{}", "preview": None} | more
    return ApprovalView(
        id="f9a613ef-5432-5ede-a4e8-62a305f0d955",
        project="default",
        run=RUN,
        workflow="security-review",
        node="apply",
        agent="patcher@1.0.0",
        action="apply",
        payload_sha256="ab" * 32,
        on_expiry=OnExpiry.REJECT,
        requested_at=AT,
        requested_by="ada",
        expires_at=later(3600),
        **given,
    )


def screen(width: int = 80) -> tuple[Console, io.StringIO]:
    """A terminal of a width, and what is written to it."""
    written = io.StringIO()
    console = Console(file=written, width=width, force_terminal=True, color_system=None, highlight=False)
    return console, written
