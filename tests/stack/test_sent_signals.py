"""What an install sends by OTLP while it works: each figure of both processes, and what tells of a notice."""

import asyncio
import re

import pytest
from airlock_client.local.stack import Stack
from airlock_contracts.statuses import RunStatus
from e2e_install import POLL_SECONDS, Install
from telemetry_page import metrics_of
from telemetry_sink import Span, TelemetrySink
from watching_servers import Prometheus, health_address

EXPORT_SECONDS = 30
"""Figures are sent every five, spans every second."""


@pytest.mark.parametrize(("service", "process"), [("orchestration", "orchestration"), ("agent-host", "host")])
async def test_every_metric_that_a_process_shows_is_sent_by_otlp_too(
    stack: Stack, install: Install, busy: Prometheus, sink: TelemetrySink, service: str, process: str
) -> None:
    host = f"http://{health_address(stack.folder.log('agent-host'))}"
    page = await install.http.get(f"{host if process == 'host' else stack.api_url}/metrics")
    shown = {
        name for name in metrics_of(process) if re.search(rf"^{name}(_count)?[ {{]", page.text, re.MULTILINE)
    }
    assert len(shown) > 15
    async with asyncio.timeout(EXPORT_SECONDS):
        while shown - sink.metrics.get(service, set()):
            await asyncio.sleep(POLL_SECONDS)


async def test_a_notification_is_a_part_of_the_trace_of_the_run_that_tells(
    install: Install, busy: Prometheus, sink: TelemetrySink
) -> None:
    (run, *_) = (await install.client.runs(workflow="security-review", status=RunStatus.SUCCESS)).items
    trace = (await install.client.run(run.id)).trace_id
    wanted = {
        ("orchestration", "approval.decide", None),
        ("orchestration", "invoke_agent notifier", None),
        ("agent-host", "process invocations", "notifier"),
    }
    async with asyncio.timeout(EXPORT_SECONDS):
        while not wanted <= {_told(span) for span in tuple(sink.spans) if span.trace == trace}:
            await asyncio.sleep(POLL_SECONDS)


def _told(span: Span) -> tuple[str, str, str | None]:
    """Who sent a span, what it is, and of which agent the host says it is."""
    agent = span.fields.get("span.airlock.agent")
    return (
        span.fields["resource.service.name"],
        span.fields["name"],
        None if agent is None else agent.partition("@")[0],
    )
