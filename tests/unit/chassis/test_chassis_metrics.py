"""The metrics that dashboards count on."""

import pytest
from airlock_chassis.telemetry import render_metrics
from airlock_chassis.telemetry.metrics import (
    Gauge,
    agent_runs_total,
    sandbox_start_seconds,
    workflow_runs_total,
)
from prometheus_client import CollectorRegistry


@pytest.mark.parametrize(
    "name",
    [
        "workflow_runs_total",
        "workflow_duration_seconds",
        "workflows_active",
        "approvals_pending",
        "agent_runs_total",
        "agent_duration_seconds",
        "attempts_total",
        "sandbox_start_seconds",
        "queue_depth",
        "wakeup_certificate_violations",
        "commits_total",
        "signals_per_commit",
        "http_requests_total",
        "dead_letters_total",
        "leases_lost_total",
        "event_loop_lag_seconds",
        "process_resident_memory_bytes",
    ],
)
def test_a_metric_is_declared_under_its_name(name: str) -> None:
    assert f"# TYPE {name} " in render_metrics().decode()


def test_counts_appear_with_their_labels() -> None:
    # Names that no other test of this process counts under.
    workflow_runs_total.labels(workflow="counted-here", status="SUCCESS", trigger="api").inc()
    agent_runs_total.labels("counted-here", "scan", "FAILED").inc(2)
    sandbox_start_seconds.labels(temperature="counted-here").observe(0.3)
    text = render_metrics().decode()
    assert 'workflow_runs_total{status="SUCCESS",trigger="api",workflow="counted-here"} 1.0' in text
    assert 'agent_runs_total{action="scan",agent="counted-here",status="FAILED"} 2.0' in text
    assert 'sandbox_start_seconds_count{temperature="counted-here"} 1.0' in text


def test_a_gauge_shows_no_value_until_its_process_has_one() -> None:
    registry = CollectorRegistry()
    shown = Gauge("shown", "For this test", registry=registry)
    assert registry.get_sample_value("shown") is None
    shown.inc()
    assert registry.get_sample_value("shown") == 1
    for change in (shown.dec, lambda: shown.set(0)):
        change()
        assert registry.get_sample_value("shown") == 0
