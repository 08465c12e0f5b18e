"""What the three agents that looked at the code said: counts side by side, then the worst of each."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airlock_contracts.views import NodeView, RunView
from rich.console import Console
from rich.table import Table

from ..show.gate import heading
from ..show.text import one_line, plain, safe, seconds, status

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
_LISTED = 6
# Node, what its agent calls what it finds, and the key of how many files it looked at.
_NODES = (
    ("scan", "findings", "files_scanned"),
    ("review", "issues", "files_reviewed"),
    ("comply", "violations", "files_checked"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One agent's word about the code."""

    node: str
    kind: str
    """findings, issues or violations."""
    counts: dict[str, int]
    """By severity."""
    suppressed: int
    """Those that the code asks tools to overlook."""
    files: int
    worst: list[tuple[str, str, str]]
    """The most severe ones: severity, `file:line`, rule and message."""
    places: frozenset[tuple[str, int]]
    """Files and lines of those that its output lists, the first 200."""


def checks(outputs: dict[str, Any]) -> list[Check]:
    """Read the outputs of the nodes that succeeded."""
    return [
        Check(
            node=node,
            kind=kind,
            counts=output["summary"]["by_severity"],
            suppressed=output["summary"]["suppressed"],
            files=output[files],
            worst=[_shown(one) for one in output[kind][:_LISTED]],
            places=frozenset((one["file"], one["line"]) for one in output[kind] if one.get("file")),
        )
        for node, kind, files in _NODES
        if (output := outputs.get(node)) is not None
    ]


def overlap(run: RunView, first: str, second: str) -> timedelta | None:
    """For how long two nodes had their sandboxes side by side; None where one had none."""
    spans = [_span(node) for node in run.nodes if node.id in (first, second)]
    if len(spans) != 2 or None in spans:
        return None
    (began, ended), (other_began, other_ended) = (span for span in spans if span is not None)
    return max(timedelta(), min(ended, other_ended) - max(began, other_began))


def named_twice(said: list[Check]) -> int:
    """How many places two agents or more have something to say about."""
    counts = Counter(place for one in said for place in one.places)
    return sum(count > 1 for count in counts.values())


def show_checks(console: Console, run: RunView, said: list[Check]) -> None:
    """Print the counts, and the worst of each; every place stands whole, messages give way."""
    if not said:
        return
    heading(console, "what was found")
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in (*SEVERITIES, "files", "silenced"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in said:
        counts = [str(one.counts.get(severity, 0)) for severity in SEVERITIES]
        table.add_row(safe(one.kind), *counts, str(one.files), str(one.suppressed))
    console.print(table)
    console.print(safe("silenced: those that the code asks tools to overlook; they count", style="dim"))
    side_by_side = overlap(run, "review", "comply")
    if side_by_side is not None:
        console.print(safe(f"review and comply ran side by side for {seconds(side_by_side)}", style="dim"))
    console.print(safe(f"places that more than one of them names: {named_twice(said)}", style="dim"))
    for one in said:
        if one.worst:
            _show_worst(console, one)


def _shown(found: dict[str, Any]) -> tuple[str, str, str]:
    # What a whole repository lacks stands in no file.
    place = f"{found['file']}:{found['line']}" if found.get("file") else "the repository"
    return found["severity"], one_line(place, 200), f"{found['rule']} {found['message']}"


def _span(node: NodeView) -> tuple[datetime, datetime] | None:
    """From the start of the last attempt's sandbox, as its host timed it, until its report was accepted."""
    last = node.attempts[-1] if node.attempts else None
    if last is None or last.finished_at is None or last.usage is None or last.usage.run_ms is None:
        return None
    milliseconds = (last.usage.start_ms or 0.0) + last.usage.run_ms
    return last.finished_at - timedelta(milliseconds=milliseconds), last.finished_at


def _show_worst(console: Console, said: Check) -> None:
    console.print()
    width = max(len(place) for _, place, _ in said.worst)
    for severity, place, what in said.worst:
        line = status(severity)
        line.append(" " * (10 - len(severity)), style="default")
        line.append(plain(place).ljust(width), style="default not bold")
        line.append(f"  {one_line(what, 400)}", style="dim")
        line.truncate(max(console.width, width + 12), overflow="ellipsis")
        console.print(line, soft_wrap=True)
    left = sum(said.counts.values()) - len(said.worst)
    if left > 0:
        console.print(safe(f"and {left} more {said.kind}: {said.node}-report.json has all", style="dim"))
