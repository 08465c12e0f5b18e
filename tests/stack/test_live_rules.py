"""The rules beside an install that ran, failed, waited and decided: they are evaluated, and there is data."""

import asyncio

from alert_rules import queries, rules
from e2e_install import POLL_SECONDS
from promql_names import named
from watching_servers import Prometheus

SILENT = {"telemetry_dropped_total"}
"""What is shown only once it has happened: the collector here takes everything."""


async def test_every_rule_is_evaluated_without_error_and_what_is_recorded_is_there(busy: Prometheus) -> None:
    async with asyncio.timeout(150):
        waits = True
        while waits:
            seen = await busy.rules()
            assert [(rule["name"], rule["lastError"]) for rule in seen if rule.get("lastError")] == []
            waits = any(rule["health"] != "ok" for rule in seen)
            await asyncio.sleep(POLL_SECONDS)
    for rule in rules():
        if "record" in rule:
            labels = ",".join(f'{name}="{value}"' for name, value in rule.get("labels", {}).items())
            await busy.until(f"{rule['record']}{{{labels}}}", seconds=70)
        for query in queries(rule):
            await busy.query(query)  # an error is an answer other than 200


async def test_every_metric_that_a_rule_names_is_shown_by_a_live_install(busy: Prometheus) -> None:
    asked = {one.metric for rule in rules() for query in queries(rule) for one in named(query)}
    ours = sorted(metric for metric in asked - SILENT if ":" not in metric)
    assert [metric for metric in ours if not await busy.query(metric)] == []


async def test_uploads_go_by_the_route_that_slow_answers_leave_out(busy: Prometheus) -> None:
    (slow,) = (rule["expr"] for rule in rules() if rule.get("alert") == "AirlockApiSlow")
    assert await busy.query(slow.rpartition("unless on (route, method) ")[2])


async def test_an_install_that_works_is_not_said_to_be_broken(busy: Prometheus) -> None:
    """Its runs may fail as somebody wants them to; what carries them is there."""
    broken = "ServiceDown|DatabaseLost|NatsLost|DockerLost|NoHost|OutboxLag|CertificateViolated|ServerErrors"
    assert await busy.query(f'ALERTS{{alertname=~"Airlock({broken})"}}') == []
