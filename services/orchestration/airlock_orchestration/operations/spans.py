"""Where a run's long spans stand in its trace: each is known by its name before anybody has recorded it.

Runs, nodes, attempts and waits outlive requests, replicas and restarts, so nobody holds their spans open.
Answers are traceparents; None for a run without a trace.
"""

from airlock_chassis.telemetry.traces import child_of

from ..engine.state import RunState


def span_of_run(run: RunState) -> str | None:
    """The run's own span, below the request that triggered it."""
    return child_of(run.traceparent, run.id)


def span_of_node(run: RunState, node: str) -> str | None:
    """A node's span, below its run's."""
    return child_of(run.traceparent, node_name(run.id, node))


def span_of_attempt(run: RunState, node: str, number: int) -> str | None:
    """An attempt's span, below its node's."""
    return child_of(run.traceparent, attempt_name(run.id, node, number))


def span_of_wait(run: RunState, approval: str) -> str | None:
    """The span of waiting for a decision, below its node's."""
    return child_of(run.traceparent, approval)


def node_name(run: str, node: str) -> str:
    """What a node's span is named after."""
    return f"{run}/{node}"


def attempt_name(run: str, node: str, number: int) -> str:
    """What an attempt's span is named after: its id."""
    return f"{run}/{node}/{number}"


def queue_name(run: str, node: str, number: int) -> str:
    """What the span of an attempt's time in the queue is named after; its sendings have numbers there."""
    return f"{attempt_name(run, node, number)}/wait"
