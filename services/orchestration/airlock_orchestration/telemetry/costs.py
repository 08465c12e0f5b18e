"""What attempts cost: the time that their sandboxes were there, processor time, memory.

It is what hosts reported of attempts whose report was accepted: of an attempt that was lost, nobody knows.
"""

from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.cardinality import ALWAYS
from airlock_contracts.messages import Usage

from ..engine.plan import Plan

MOST_MILLISECONDS = 64 * 24 * 3600 * 1000.0
"""64 processors for the day that an attempt may take at most; more is no measurement."""
MOST_BYTES = 2**46


def expect_cost_of_runs(plan: Plan) -> None:
    """Show what runs of a workflow cost before the first has: in a new series nobody sees an increase."""
    for tag in (ALWAYS, *plan.tags):
        metrics.workflow_container_seconds_total.labels(plan.workflow, tag)
        metrics.workflow_cpu_seconds_total.labels(plan.workflow, tag)


def expect_cost_of_attempts(agent: str) -> None:
    """The same of an agent's attempts."""
    metrics.agent_container_seconds_total.labels(agent)
    metrics.sandbox_cpu_seconds_total.labels(agent)


def count_cost(plan: Plan, agent: str, usage: Usage) -> None:
    """Count what an attempt took: for its agent, for its workflow, and once more for each tag of that."""
    there = _seconds(usage.start_ms) + _seconds(usage.run_ms)
    busy = _seconds(usage.cpu_ms)
    metrics.agent_container_seconds_total.labels(agent).inc(there)
    metrics.sandbox_cpu_seconds_total.labels(agent).inc(busy)
    memory = usage.peak_memory_bytes
    if memory is not None and 0 <= memory <= MOST_BYTES:
        metrics.sandbox_peak_memory_bytes.labels(agent).observe(memory)
    for tag in (ALWAYS, *plan.tags):
        metrics.workflow_container_seconds_total.labels(plan.workflow, tag).inc(there)
        metrics.workflow_cpu_seconds_total.labels(plan.workflow, tag).inc(busy)


def _seconds(milliseconds: float | None) -> float:
    """What a host says, where it can be: a counter that took in nonsense would never be right again."""
    if milliseconds is None or not 0 <= milliseconds <= MOST_MILLISECONDS:  # so is NaN refused
        return 0.0
    return milliseconds / 1000
