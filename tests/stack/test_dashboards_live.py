"""Every panel of every dashboard, asked of an install that did some of everything: there is an answer."""

import asyncio
import math
import time
from typing import Any

from airlock_contracts.statuses import RunStatus
from dashboard_files import CHOICES, Asked, asked, chosen
from e2e_install import POLL_SECONDS, Install
from query_languages import read_logql, read_traceql
from telemetry_sink import TelemetrySink
from traffic import BAD
from watching_servers import Prometheus

BUDGETS_SECONDS = 150
"""Objectives are recorded once a minute, budgets from those of the minute before."""


async def test_what_every_panel_asks_of_prometheus_has_an_answer(busy: Prometheus) -> None:
    missing = [one for one in asked() if one.source == "prometheus"]
    assert len(missing) > 60
    deadline = time.monotonic() + BUDGETS_SECONDS
    while missing and time.monotonic() < deadline:
        missing = [one for one in missing if not _says_something(await busy.query(one.text))]
        await asyncio.sleep(POLL_SECONDS if not missing else 1)
    assert missing == []


async def test_the_choices_of_every_dashboard_have_values(busy: Prometheus) -> None:
    for where, series, label in chosen():
        assert [one for one in await busy.query(series) if one["metric"].get(label)], where


async def test_an_agent_that_got_slower_since_last_week_is_told_from_the_others(
    busy: Prometheus, install: Install
) -> None:
    await install.run("slower", [{"id": "a", "inputs": {"seconds": 1}}])  # which took 0.05 s then
    (slower,) = [one.text for one in asked() if "offset 7d" in one.text and "[7d])" in one.text]
    await busy.until(f'{slower} > 2 and on (agent) agent_runs_total{{agent="obedient"}}', seconds=20)
    by_agent = {one["metric"]["agent"]: float(one["value"][1]) for one in await busy.query(slower)}
    assert by_agent["speaking"] < 1  # it took a minute then
    assert "careful" not in by_agent  # it did nothing then


async def test_what_a_workflow_cost_has_its_first_run_in_it(busy: Prometheus, install: Install) -> None:
    (cost,) = [
        one.text
        for one in asked({**CHOICES, "$workflow": "paid-once"})
        if one.where == "airlock-cost: What each workflow cost" and "container" in one.text
    ]
    done = await install.run("paid-once", [{"id": "a", "inputs": {"seconds": 2}}])
    assert done.status is RunStatus.SUCCESS
    # Where both are about as old as the time shown, an install is unknown for as long as it was there first.
    (found,) = await busy.until(f"{cost} > 0", seconds=40)
    assert 2.0 < float(found["value"][1]) < 6.0


async def test_what_the_panels_ask_of_loki_and_tempo_finds_what_an_install_sends(
    install: Install, sink: TelemetrySink, busy: Prometheus
) -> None:
    """They cannot run here: what would come to them is searched with our own reading of the queries."""
    talks = {"id": "a", "agent": "speaking", "action": "trace"}
    run = (await install.run("watched-words", [talks, BAD | {"id": "b", "depends_on": ["a"]}])).id
    missing = [one for one in asked({**CHOICES, "$run": run}) if one.source in ("loki", "tempo")]
    assert len(missing) == 7
    deadline = time.monotonic() + 30
    while missing and time.monotonic() < deadline:
        missing = [one for one in missing if not _finds(one, sink)]
        await asyncio.sleep(POLL_SECONDS)
    assert missing == []


def _says_something(series: list[dict[str, Any]]) -> bool:
    return any(not math.isnan(float(one["value"][1])) for one in series)


def _finds(one: Asked, sink: TelemetrySink) -> bool:
    if one.source == "loki":
        query = read_logql(one.text)
        return any(query.finds(line.text, line.labels) for line in list(sink.lines))
    spans = read_traceql(one.text)
    return any(spans.finds(span.fields) for span in list(sink.spans))
