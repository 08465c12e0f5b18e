"""A run as it goes: a table that moves in a terminal, lines anywhere else."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from airlock_contracts.events import Event, EventType
from airlock_contracts.statuses import ApprovalStatus
from airlock_contracts.views import ApprovalView, NodeView, RunView
from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..client import AirlockClient
from .text import cut, one_line, seconds, status

_NEWS = frozenset(
    {
        EventType.NODE_RUNNING,
        EventType.NODE_RETRYING,
        EventType.NODE_FINISHED,
        EventType.ATTEMPT_LOST,
        EventType.APPROVAL_REQUESTED,
        EventType.APPROVAL_DECIDED,
        EventType.RUN_CANCELLING,
        EventType.RUN_FINISHED,
    }
)


class Watch:
    """Follows one run on the screen, from where it was left."""

    def __init__(self, client: AirlockClient, run: str, console: Console) -> None:
        self._client = client
        self._run = run
        self._console = console
        self._seen = 0

    async def until_end(self) -> RunView:
        """Show the run until it has ended."""
        return await self._follow(lambda _: False)

    async def until_gate(self) -> tuple[RunView, ApprovalView | None]:
        """Show the run until it waits for a decision, or has ended."""
        run = await self._follow(lambda event: event.type is EventType.RUN_WAITING)
        return run, open_approval(run)

    async def _follow(self, stop: Callable[[Event], bool]) -> RunView:
        run = await self._client.run(self._run)
        if not self._console.is_terminal:
            async for event in self._news(stop):
                if event.type in _NEWS:
                    self._console.print(line(event), soft_wrap=True)
            return await self._client.run(self._run)
        # It draws by itself between the events too, so that the times go on.
        with Live(get_renderable=lambda: graph(run), console=self._console, refresh_per_second=5):
            async for _ in self._news(stop):
                run = await self._client.run(self._run)
            run = await self._client.run(self._run)
        return run

    async def _news(self, stop: Callable[[Event], bool]) -> AsyncIterator[Event]:
        events = self._client.events(self._run, after=self._seen)
        async for event in events:
            self._seen = event.seq
            yield event
            if stop(event):
                return


def open_approval(run: RunView) -> ApprovalView | None:
    """The first approval of a run that waits for a decision."""
    for node in run.nodes:
        if node.approval is not None and node.approval.status is ApprovalStatus.PENDING:
            return node.approval
    return None


def line(event: Event) -> Text:
    """An event as a line."""
    text = Text(f"{event.at.astimezone(UTC):%H:%M:%S}  ", style="dim")
    text.append(f"{event.type:<20}", style="")
    text.append(f"{event.node or '':<14}")
    data = event.data
    if "status" in data:
        text.append_text(status(data["status"]))
    if isinstance(data.get("failure"), dict):
        text.append(f"  {data['failure'].get('code')}: {one_line(data['failure'].get('message'), 120)}")
    if "host" in data:
        text.append(f"attempt {data.get('attempt')} on {one_line(data['host'], 63)}")
    if event.type is EventType.APPROVAL_DECIDED:
        text.append(f" by {one_line(event.principal, 60)}")
    return text


def graph(run: RunView) -> RenderableType:
    """The run's nodes in layers, each with its state. Of a narrow screen the last column gives way."""
    depths = layers(run.nodes)
    names = ["  " * depths[node.id] + ("└ " if node.depends_on else "") + node.id for node in run.nodes]
    table = Table(title=None, show_edge=False, pad_edge=False, box=None, padding=(0, 2, 0, 0))
    table.add_column("node", no_wrap=True, min_width=max(map(len, names), default=0))
    table.add_column("status", no_wrap=True, min_width=max(len(node.status) for node in run.nodes))
    table.add_column("try", no_wrap=True, min_width=3)
    table.add_column("time", no_wrap=True, min_width=7)
    table.add_column("", style="dim")
    for name, node in zip(names, run.nodes, strict=True):
        table.add_row(
            Text(name),
            status(node.status),
            str(node.attempts[-1].number) if node.attempts else "",
            shown_time(node),
            cut(one_line(_remark(node) or f"{node.agent} {node.action}", 120)),
        )
    return table


def layers(nodes: list[NodeView]) -> dict[str, int]:
    """How deep each node stands: one below its deepest parent. Nodes stand in topological order."""
    depths: dict[str, int] = {}
    for node in nodes:
        depths[node.id] = max((depths.get(parent, 0) + 1 for parent in node.depends_on), default=0)
    return depths


def worked(node: NodeView) -> timedelta | None:
    """How long a node's attempts took from the first dispatch, until now if one runs.

    The wait at its gate is not in it.
    """
    if not node.attempts:
        return None
    first, last = node.attempts[0], node.attempts[-1]
    return (last.finished_at or datetime.now(UTC)) - first.dispatched_at


def waited(node: NodeView) -> timedelta | None:
    """How long a node stood at its gate until somebody decided."""
    if node.approval is None or node.approval.decided_at is None:
        return None
    return node.approval.decided_at - node.approval.requested_at


def shown_time(node: NodeView) -> str:
    """The time for people; empty where there is none."""
    took = worked(node)
    return "" if took is None else seconds(max(0.0, took.total_seconds()))


def _remark(node: NodeView) -> str:
    if node.failure is not None:
        return f"{node.failure.code}: {node.failure.message}"
    if node.approval is not None and node.approval.status is ApprovalStatus.PENDING:
        return "waits for a decision"
    if (at_gate := waited(node)) is not None:
        return f"its gate waited {seconds(at_gate)}"
    if node.reused_from is not None:
        return f"reused from {node.reused_from}"
    return ""
