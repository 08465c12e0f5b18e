"""What attempts cost: the time that their sandboxes were there, processor time, memory.

It is what hosts reported of attempts whose report was accepted: of an attempt that was lost, nobody knows.
"""

from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.cardinality import ALWAYS
from airlock_contracts.messages import Usage

from ..engine.plan import Plan

DAY_SECONDS = 24 * 3600.0
"""As long as an attempt may take at most; more is no measurement."""
MOST_PROCESSORS = 64
"""All of them busy for that day; more is none either."""
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
    there = started_in(usage) + (ran_for(usage) or 0.0)
    busy = _seconds(usage.cpu_ms, MOST_PROCESSORS * DAY_SECONDS) or 0.0
    metrics.agent_container_seconds_total.labels(agent).inc(there)
    metrics.sandbox_cpu_seconds_total.labels(agent).inc(busy)
    memory = usage.peak_memory_bytes
    if memory is not None and 0 <= memory <= MOST_BYTES:
        metrics.sandbox_peak_memory_bytes.labels(agent).observe(memory)
    for tag in (ALWAYS, *plan.tags):
        metrics.workflow_container_seconds_total.labels(plan.workflow, tag).inc(there)
        metrics.workflow_cpu_seconds_total.labels(plan.workflow, tag).inc(busy)


def started_in(usage: Usage) -> float:
    """Seconds from asking for a sandbox to an agent that was ready; 0 where nobody measured them."""
    return _seconds(usage.start_ms, DAY_SECONDS) or 0.0


def ran_for(usage: Usage) -> float | None:
    """Seconds from an agent's request to its answer, or to its end; None where nobody measured them."""
    return _seconds(usage.run_ms, DAY_SECONDS)


def _seconds(milliseconds: float | None, most: float) -> float | None:
    """What a host says, where it can be: a counter that took in nonsense would never be right again."""
    if milliseconds is None or not 0 <= milliseconds <= most * 1000:  # so is NaN refused
        return None
    return milliseconds / 1000
