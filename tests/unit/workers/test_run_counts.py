"""What a commit says about runs and attempts is counted."""

from airlock_chassis.telemetry import metrics
from airlock_orchestration.engine.signals import AttemptClaimed, LeaseExpired
from airlock_orchestration.engine.step import step
from airlock_orchestration.operations.entries import Committed
from airlock_orchestration.workers.gauges import count
from engine_runs import START, node, started


def test_a_lapsed_lease_is_counted_as_one_and_as_a_lost_attempt() -> None:
    run = started(node("scan"))
    token = "t" * 16
    held = step(run, AttemptClaimed(run.id, "scan", 1, token, "host-1"), START).run
    attempt = held.nodes["scan"].attempt
    assert attempt is not None
    assert attempt.lease_until is not None
    lost = step(held, LeaseExpired(run.id, "scan", 1), START)
    leases = metrics.leases_lost_total._value.get()
    attempts = metrics.attempts_total.labels("LOST")._value.get()

    count([Committed(lost, None)])

    assert metrics.leases_lost_total._value.get() == leases + 1
    assert metrics.attempts_total.labels("LOST")._value.get() == attempts + 1
