"""What the three agents that looked at the code said, and for how long two of them did so side by side."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from airlock_contracts.views import NodeView, RunView
from rich.console import Console

from ..show.findings import Check, show_counts, show_worst
from ..show.gate import heading
from ..show.text import safe, seconds
from ..show.unseen import show_unseen

_LISTED = 6
_UNSEEN = 3


def overlap(run: RunView, first: str, second: str) -> timedelta | None:
    """For how long two nodes had their sandboxes side by side; None where one had none."""
    spans = [_span(node) for node in run.nodes if node.id in (first, second)]
    if len(spans) != 2 or None in spans:
        return None
    (began, ended), (other_began, other_ended) = (span for span in spans if span is not None)
    return max(timedelta(), min(ended, other_ended) - max(began, other_began))


def named_twice(said: Sequence[Check]) -> int:
    """How many places two agents or more have something to say about."""
    counts = Counter(place for one in said for place in one.places)
    return sum(count > 1 for count in counts.values())


def show_checks(console: Console, run: RunView, said: Sequence[Check]) -> None:
    """Print the counts, the worst of each, and what each did not look at."""
    if not said:
        return
    heading(console, "what was found")
    show_counts(console, said)
    side_by_side = overlap(run, "review", "comply")
    if side_by_side is not None:
        console.print(safe(f"review and comply ran side by side for {seconds(side_by_side)}", style="dim"))
    console.print(safe(f"places that more than one of them names: {named_twice(said)}", style="dim"))
    for one in said:
        whole = f"{one.node}-report.json has all"
        show_worst(console, one, _LISTED, whole=whole)
        show_unseen(console, one, _UNSEEN, whole=whole)


def _span(node: NodeView) -> tuple[datetime, datetime] | None:
    """From the start of the last attempt's sandbox, as its host timed it, until its report was accepted."""
    last = node.attempts[-1] if node.attempts else None
    if last is None or last.finished_at is None or last.usage is None or last.usage.run_ms is None:
        return None
    milliseconds = (last.usage.start_ms or 0.0) + last.usage.run_ms
    return last.finished_at - timedelta(milliseconds=milliseconds), last.finished_at
