"""Pictures of runs and workflows: what each node's box says. The drawing itself knows neither."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from airlock_contracts.base import format_time
from airlock_contracts.statuses import ApprovalStatus, NodeStatus, RiskLevel
from airlock_contracts.views import ApprovalView, NodeView, RunView, WorkflowView
from airlock_contracts.workflow import NodeSpec

from ..errors import StoreUnavailable
from ..operations.health import VERSION
from .svg import Box, Drawing, draw

TURN_SECONDS = 10.0
_NAMED = 20
"""Of the nodes that one depends on, in its words: a node may have a thousand."""
View = TypeVar("View", RunView, WorkflowView)


class Pictures:
    """Draws, one picture at a time.

    Many at once would take the threads in which outputs are checked, and the processor from everything else.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def draw(self, how: Callable[[View], str], view: View) -> str:
        """Draw in a thread. Raises StoreUnavailable where the turn does not come within 10 s."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turn.acquire()
        except TimeoutError as error:
            raise StoreUnavailable("as many pictures as may are being drawn right now") from error
        drawing = asyncio.create_task(asyncio.to_thread(how, view))
        drawing.add_done_callback(lambda _: self._turn.release())  # a thread goes on when its reader has left
        return await asyncio.shield(drawing)


def tag_of(view: View) -> str:
    """What tells a picture from every other of the same: it is drawn from its view and by this release."""
    return hashlib.sha256(f"{VERSION}\n{view.model_dump_json()}".encode()).hexdigest()


def draw_run(run: RunView) -> str:
    """A run as SVG, as it stands in the view: the same view gives the same bytes."""
    title = f"{run.workflow}, version {run.workflow_version}: {run.status}"
    boxes = [_run_box(node) for node in run.nodes]
    edges = {node.id: node.depends_on for node in run.nodes}
    return draw(Drawing(title, f"run {run.id}, {_run_time(run)}", boxes, edges))


def draw_workflow(workflow: WorkflowView) -> str:
    """A workflow version as SVG: what would run, and where it asks as far as the workflow itself says."""
    title = f"{workflow.name}, version {workflow.version}"
    nodes = workflow.spec.nodes
    boxes = [_spec_box(node) for node in nodes]
    edges = {node.id: node.depends_on for node in nodes}
    subtitle = workflow.spec.description.partition("\n")[0]
    return draw(Drawing(title, subtitle if len(subtitle) <= 100 else f"{subtitle[:99]}…", boxes, edges))


def _run_time(run: RunView) -> str:
    start = f"started {_moment(run.created_at)} by {run.created_by}"
    return start if run.finished_at is None else f"{start}, took {_seconds(run.created_at, run.finished_at)}"


def _run_box(node: NodeView) -> Box:
    gated = node.risk_level is RiskLevel.APPROVAL_REQUIRED or node.approval is not None
    lines = [f"{node.status} {_node_time(node)}".rstrip()]
    if len(node.attempts) > 1:
        lines[0] += f", try {node.attempts[-1].number}"
    if gated:
        lines.append(_gate(node.approval))
    elif node.failure is not None:
        lines.append(node.failure.code)
    elif node.reused_from is not None:
        lines.append("reused from another run")
    else:
        lines.append(f"{node.agent.partition('@')[0]} {node.action}")
    told = [f"{node.id}: {node.agent} {node.action}", *lines]
    if node.depends_on:
        told.append(_after(node.depends_on))
    if node.failure is not None:
        told.append(f"{node.failure.code}: {node.failure.message[:300]}")
    return Box(node.id, tuple(lines), node.status.value, gated, "\n".join(told))


def _spec_box(node: NodeSpec) -> Box:
    gated = node.approval is not None or node.risk_level is RiskLevel.APPROVAL_REQUIRED
    what = f"{node.agent} {node.action}"
    told = f"{node.id}: {what}" + (f"\n{_after(node.depends_on)}" if node.depends_on else "")
    return Box(node.id, (what,), gated=gated, told=told + ("\nasks a person first" if gated else ""))


def _after(nodes: Sequence[str]) -> str:
    others = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return f"after {', '.join(nodes[:_NAMED])}{others}"


def _node_time(node: NodeView) -> str:
    if not node.attempts:
        return ""
    first, last = node.attempts[0], node.attempts[-1]
    if node.status is NodeStatus.BACKING_OFF and node.retry_at is not None:
        return f"until {_clock(node.retry_at)}"
    if last.finished_at is not None:
        return _seconds(first.dispatched_at, last.finished_at)
    return f"since {_clock(last.started_at or last.dispatched_at)}"


def _gate(approval: ApprovalView | None) -> str:
    if approval is None:
        return "will ask a person"
    if approval.status is ApprovalStatus.PENDING:
        return f"asks since {_clock(approval.requested_at)}"
    if approval.decided_by is not None:
        return f"{approval.status} by {approval.decided_by}"
    return approval.status.value


def _clock(moment: datetime) -> str:
    return f"{format_time(moment)[11:19]}Z"


def _moment(moment: datetime) -> str:
    return f"{format_time(moment)[:19]}Z"


def _seconds(start: datetime, end: datetime) -> str:
    seconds = max(0.0, (end - start).total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
