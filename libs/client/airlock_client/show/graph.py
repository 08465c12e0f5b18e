"""A run's DAG in a terminal: a line per node, layer by layer, as many as there is room for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from airlock_contracts.logs import LogView
from airlock_contracts.statuses import ApprovalStatus, NodeStatus
from airlock_contracts.views import ApprovalView, NodeView, RunView
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .text import cut, one_line, seconds, status, style_of

_MARKS = {
    NodeStatus.SUCCESS: "✓",
    NodeStatus.RUNNING: "▶",
    NodeStatus.QUEUED: "…",
    NodeStatus.BACKING_OFF: "↻",
    NodeStatus.WAITING_APPROVAL: "?",
    NodeStatus.FAILED: "✕",
    NodeStatus.CANCELLED: "■",
    NodeStatus.SKIPPED: "-",
    NodeStatus.PENDING: "○",
}
_FIRST = (
    NodeStatus.WAITING_APPROVAL,
    NodeStatus.RUNNING,
    NodeStatus.FAILED,
    NodeStatus.BACKING_OFF,
    NodeStatus.QUEUED,
)
"""What a person wants to see when not all can be shown, the most wanted first."""
_NARROWEST_NAME, _OTHER_COLUMNS = 14, 50
_BAR = 10
_REMARK = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the picture: a node, or several that nobody needs to see one by one."""

    layers: tuple[int, int]
    nodes: tuple[NodeView, ...]
    whole: bool
    """All nodes of these layers stand here."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn: a run, what its agents said last, and when."""

    run: RunView
    now: datetime
    said: Mapping[str, LogView] = field(default_factory=dict)
    """The newest progress of each node."""


def graph(picture: Picture, *, width: int, lines: int | None = None) -> RenderableType:
    """Draw the nodes, layer by layer, in at most `lines` lines (None: as many as there are)."""
    nodes = picture.run.nodes
    rows = _rows(nodes, lines)
    drawn = [_cells(picture, row) for row in rows]
    longest = max((cells[0].cell_len for cells in drawn), default=0)
    table = Table(show_header=False, show_edge=False, pad_edge=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    name = max(_NARROWEST_NAME, min(longest, width - _OTHER_COLUMNS))
    table.add_column(no_wrap=True, min_width=min(longest, name), max_width=name, overflow="ellipsis")
    statuses = [row.nodes[0].status for row in rows if len(row.nodes) == 1]
    table.add_column(no_wrap=True, min_width=max(map(len, statuses), default=0))
    table.add_column(no_wrap=True, min_width=7)
    table.add_column()
    for branch, cells in zip(_branches(rows), drawn, strict=True):
        table.add_row(branch, *cells)
    return table


def headed(picture: Picture, *, width: int, lines: int | None = None) -> RenderableType:
    """The same below a line about the run."""
    run = picture.run
    ended = sum(node.status.is_final for node in run.nodes)
    head = Text.assemble((one_line(run.workflow, 63), "bold"), f" v{run.workflow_version}  ", no_wrap=True)
    head.append_text(status(run.status))
    took = (run.finished_at or picture.now) - run.created_at
    head.append(f"  {seconds(max(timedelta(), took))}  {ended} of {len(run.nodes)} nodes ended", style="dim")
    head.overflow = "ellipsis"
    return Group(head, graph(picture, width=width, lines=None if lines is None else max(1, lines - 1)))


def layers(nodes: Sequence[NodeView]) -> dict[str, int]:
    """How deep each node stands: one below its deepest parent. Nodes stand in topological order."""
    depths: dict[str, int] = {}
    for node in nodes:
        depths[node.id] = max((depths.get(parent, -1) + 1 for parent in node.depends_on), default=0)
    return depths


def worked(node: NodeView, now: datetime | None = None) -> timedelta | None:
    """How long a node's attempts took from the first dispatch, until now if one runs.

    The wait at its gate is not in it.
    """
    if not node.attempts:
        return None
    first, last = node.attempts[0], node.attempts[-1]
    return (last.finished_at or now or datetime.now(UTC)) - first.dispatched_at


def waited(node: NodeView) -> timedelta | None:
    """How long a node stood at its gate until somebody decided."""
    if node.approval is None or node.approval.decided_at is None:
        return None
    return node.approval.decided_at - node.approval.requested_at


def shown_time(node: NodeView, now: datetime | None = None) -> str:
    """The time for people; empty where there is none."""
    took = worked(node, now)
    return "" if took is None else seconds(max(0.0, took.total_seconds()))


def _rows(nodes: Sequence[NodeView], lines: int | None) -> list[Row]:
    """The lines, at most so many: nodes of interest stand by themselves, the others are counted."""
    depths = layers(nodes)
    by_layer: list[list[NodeView]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for node in nodes:
        by_layer[depths[node.id]].append(node)
    if lines is None or len(nodes) <= lines:
        return [Row((at, at), (node,), True) for at, layer in enumerate(by_layer) for node in layer]
    wanted = sorted(
        (node for node in nodes if node.status in _FIRST), key=lambda node: _FIRST.index(node.status)
    )
    for count in range(min(len(wanted), lines), 0, -1):
        rows = _collapsed(by_layer, {node.id for node in wanted[:count]})
        if len(rows) <= lines:
            return rows
    return _collapsed(by_layer, set())


def _collapsed(by_layer: Sequence[Sequence[NodeView]], shown: set[str]) -> list[Row]:
    rows: list[Row] = []
    rest: list[NodeView] = []
    first = 0
    for at, layer in enumerate(by_layer):
        alone = [node for node in layer if node.id in shown]
        if alone and rest:
            rows.append(Row((first, at - 1), tuple(rest), True))
            rest, first = [], at
        rows += [Row((at, at), (node,), False) for node in alone]
        others = [node for node in layer if node.id not in shown]
        if alone and others:
            rows.append(Row((at, at), tuple(others), False))
            others = []
        first = at + 1 if alone else first
        rest += others
    if rest:
        rows.append(Row((first, len(by_layer) - 1), tuple(rest), True))
    return rows


def _branches(rows: Sequence[Row]) -> list[str]:
    """What stands left of each line: its layer, and how it hangs together with its neighbours."""
    width = len(str(rows[-1].layers[1] + 1)) if rows else 1
    found = []
    for at, row in enumerate(rows):
        first, last = row.layers
        opens = at == 0 or rows[at - 1].layers != row.layers
        closes = at == len(rows) - 1 or rows[at + 1].layers != row.layers
        number = f"{first + 1:>{width}}" if opens else " " * width
        if first != last:
            found.append(f"{number}-{last + 1}")
        else:
            found.append(f"{number} {'─' if opens and closes else '┬' if opens else '└' if closes else '├'}")
    return found


def _cells(picture: Picture, row: Row) -> tuple[Text, Text, Text, Text]:
    if len(row.nodes) > 1:
        counts = {one: sum(node.status is one for node in row.nodes) for one in NodeStatus}
        found = [(one, count) for one, count in counts.items() if count]
        more = "" if row.whole else "more "
        said = Text(", ", style="dim").join(
            Text(f"{count} {one}", style=style_of(one)) for one, count in found
        )
        return Text(f"  {len(row.nodes)} {more}nodes", style="dim"), Text(), Text(), _one_line(said)
    (node,) = row.nodes
    name = Text(f"{_MARKS[node.status]} ", style=style_of(node.status)).append(node.id, style="default")
    return name, status(node.status), Text(shown_time(node, picture.now)), _remark(picture, node)


def _remark(picture: Picture, node: NodeView) -> Text:
    tries = f"try {node.attempts[-1].number}: " if len(node.attempts) > 1 else ""
    said = picture.said.get(node.id)
    if (
        node.status in (NodeStatus.RUNNING, NodeStatus.QUEUED)
        and said is not None
        and said.attempt == node.attempts[-1].number
    ):
        return _one_line(Text(tries, style="dim").append_text(_progress(said)))
    style = "" if node.failure is not None or _asks(node) else "dim"
    shown = cut(one_line(tries + _story(node, picture.now), _REMARK))
    shown.stylize(style)
    return shown


def _progress(said: LogView) -> Text:
    if said.fraction is None:
        return Text(one_line(said.message, _REMARK))
    full = round(said.fraction * _BAR)
    bar = Text("━" * full, style="cyan").append("─" * (_BAR - full), style="dim")
    return bar.append(f" {said.fraction:4.0%} {one_line(said.message, _REMARK)}", style="default")


def _story(node: NodeView, now: datetime) -> str:
    """Why a node is where it is."""
    last = node.attempts[-1] if node.attempts else None
    if node.failure is not None:
        return f"{node.failure.code}: {node.failure.message}"
    if _asks(node):
        assert node.approval is not None
        return _question(node.approval, now)
    if node.status is NodeStatus.BACKING_OFF and node.retry_at is not None:
        why = f": {last.failure.code}" if last is not None and last.failure is not None else ""
        return f"again in {seconds(max(timedelta(), node.retry_at - now))}{why}"
    if node.status is NodeStatus.RUNNING and last is not None and last.host is not None:
        return f"on {last.host}"
    if node.status is NodeStatus.QUEUED:
        return "is on its way to a host"
    if node.status is NodeStatus.PENDING and node.depends_on:
        return f"after {', '.join(node.depends_on)}"
    if (at_gate := waited(node)) is not None:
        return f"its gate waited {seconds(at_gate)}"
    if node.reused_from is not None:
        return f"reused from {node.reused_from}"
    return f"{node.agent} {node.action}"


def _asks(node: NodeView) -> bool:
    return node.approval is not None and node.approval.status is ApprovalStatus.PENDING


def _question(approval: ApprovalView, now: datetime) -> str:
    waits = seconds(max(timedelta(), now - approval.requested_at))
    left = approval.expires_at - now
    until = f"expires in {seconds(left)}" if left > timedelta() else "has expired"
    return f"since {waits}, {until}, then: {approval.on_expiry}; asked by {approval.requested_by}"


def _one_line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
