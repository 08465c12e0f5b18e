"""The rules beside an install that ran, failed, waited and decided: they are evaluated, and there is data."""

import pytest
from airlock_contracts.statuses import RunStatus, Verdict
from alert_rules import queries, rules
from e2e_install import Install
from promql_names import named
from watching_servers import Prometheus

GATED = {"id": "apply", "agent": "careful", "inputs": {"text": "x"}, "approval": {"preview": "x"}}
SILENT = {"telemetry_dropped_total"}
"""What is shown only once it has happened: no collector is asked for here, so none can refuse."""


@pytest.fixture
async def busy(install: Install, prometheus: Prometheus) -> Prometheus:
    """Prometheus, once it has seen runs that succeed, fail, wait, are let through and are stopped."""
    await install.client.trigger("approval-only", {"question": "May this wait?"})
    assert (await install.run("watched-good", [{"id": "a"}])).status is RunStatus.SUCCESS
    bad = {"id": "a", "agent": "hostile", "action": "attack", "inputs": {"how": "exit-1"}}
    assert (await install.run("watched-bad", [bad])).status is RunStatus.FAILED
    for verdict in (Verdict.APPROVED, Verdict.REJECTED):
        run = await install.start("watched-gate", [GATED])
        asked = await install.until_asked(run, "apply")
        await install.client.decide(asked.id, verdict, asked.payload_sha256)
        await install.until_final(run)
    await prometheus.until('workflow_approval_wait_seconds_count{status="REJECTED"}', seconds=20)
    return prometheus


@pytest.mark.timeout(200)  # the objectives are recorded once a minute
async def test_every_rule_is_evaluated_without_error_and_what_is_recorded_is_there(busy: Prometheus) -> None:
    await busy.until("airlock:objective_budget_left:ratio", seconds=120)
    seen = await busy.rules()
    assert [(rule["name"], rule["lastError"]) for rule in seen if rule.get("lastError")] == []
    assert {rule["health"] for rule in seen} == {"ok"}
    for rule in rules():
        if "record" in rule:
            labels = ",".join(f'{name}="{value}"' for name, value in rule.get("labels", {}).items())
            assert await busy.query(f"{rule['record']}{{{labels}}}"), rule
        for query in queries(rule):
            await busy.query(query)  # an error is an answer other than 200


async def test_every_metric_that_a_rule_names_is_shown_by_a_live_install(busy: Prometheus) -> None:
    asked = {one.metric for rule in rules() for query in queries(rule) for one in named(query)}
    ours = sorted(metric for metric in asked - SILENT if ":" not in metric)
    assert [metric for metric in ours if not await busy.query(metric)] == []


async def test_an_install_that_is_well_fires_nothing_that_wakes_anybody(busy: Prometheus) -> None:
    assert await busy.query('ALERTS{alertstate="firing",severity=~"P0|P1"}') == []
