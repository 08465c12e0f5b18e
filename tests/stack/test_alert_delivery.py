"""An alert on its whole way: a rule fires in Prometheus, Alertmanager posts it, a run tells people."""

import asyncio
import json

import nats
from airlock_contracts.statuses import RunStatus
from airlock_contracts.subjects import Subjects
from airlock_contracts.views import RunView
from e2e_install import POLL_SECONDS, Install
from watching_servers import Alertmanager, Prometheus

WORKFLOW = "alert-notification"


async def leave_a_report_that_nobody_can_read(install: Install) -> None:
    connection = await nats.connect(install.stack._nats.url("orchestration"))
    try:
        await connection.publish(Subjects().report(0, "stranger"), b"this is no report")
        await connection.flush()
    finally:
        await connection.close()


async def until_told(install: Install, seconds: float) -> RunView:
    async with asyncio.timeout(seconds):
        while not (runs := (await install.client.runs(workflow=WORKFLOW)).items):
            await asyncio.sleep(POLL_SECONDS)
    return await install.until_final(runs[0].id)


async def test_a_firing_alert_is_posted_and_starts_a_run_that_tells_of_it(
    install: Install, prometheus: Prometheus, alertmanager: Alertmanager
) -> None:
    """AirlockDeadLetters by its own expression, which has no `for`. Only Alertmanager is in more haste."""
    await prometheus.until("dead_letters_waiting == 0", seconds=30)
    await leave_a_report_that_nobody_can_read(install)
    await prometheus.until('ALERTS{alertname="AirlockDeadLetters",alertstate="firing"}', seconds=60)

    run = await until_told(install, seconds=30)
    assert (run.status, run.failure) == (RunStatus.SUCCESS, None)
    told = json.loads(await install.client.node_output(run.id, "tell"))
    assert told["delivered"], told
    said = json.dumps(told)
    assert "1 messages could never be handled" in said
    assert "/waiting-work.md#airlockdeadletters" in said
    assert "/d/airlock-system" in said
    # The bases of addresses are no facts about an alert.
    (alert,) = await alertmanager.ask("/api/v2/alerts")
    assert alert["labels"] == {"alertname": "AirlockDeadLetters", "severity": "P3"}
