"""How long a run took, with and without waiting for people, and how long an attempt waited for a host."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from airlock_contracts.messages import Usage

from ..engine.state import AttemptState, NodeState, RunState
from .costs import ran_for, started_in

Span = tuple[datetime, datetime]


def lasted(run: RunState) -> timedelta:
    """From a finished run's start to its end."""
    assert run.finished_at is not None
    started = (node.started_at for node in run.nodes.values() if node.started_at is not None)
    # Where no node has started, the run ended as it began.
    return max(timedelta(), run.finished_at - min(started, default=run.finished_at))


def worked(run: RunState) -> timedelta:
    """The time in which a node of a finished run was queued, running or backing off.

    In the rest of its time it stood in WAITING_APPROVAL: a run that is not over does one or the other.
    """
    return _covered(span for node in run.nodes.values() for span in _at_work(node))


def waited(attempt: AttemptState, usage: Usage) -> timedelta | None:
    """From an attempt's dispatch until a host set out to start its sandbox; None where no host had it.

    Some claim only when they run already, and a report comes after the end: what either says may be too much,
    so the lesser counts.
    """
    if attempt.started_at is None:
        return None
    until = [attempt.started_at]
    if attempt.finished_at is not None and (ran := ran_for(usage)) is not None:
        until.append(attempt.finished_at - timedelta(seconds=started_in(usage) + ran))
    return max(timedelta(), min(until) - attempt.dispatched_at)


def _at_work(node: NodeState) -> Iterator[Span]:
    if node.attempt is None or node.started_at is None or node.finished_at is None:
        return  # it never was: reused, skipped, or not let through
    decided_at = None if node.approval is None else node.approval.decided_at
    began_at = decided_at or node.started_at
    yield began_at, max(began_at, node.finished_at)


def _covered(spans: Iterable[Span]) -> timedelta:
    """How much time lies within any of the spans."""
    covered, until = timedelta(), None
    for start, end in sorted(spans):
        if until is None or start > until:
            covered, until = covered + (end - start), end
        elif end > until:
            covered, until = covered + (end - until), end
    return covered
