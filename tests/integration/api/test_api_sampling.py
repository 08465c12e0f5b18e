"""With the settings that an install has by default, each run has its trace, whoever else asks for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from airlock_chassis.settings import ChassisSettings
from airlock_chassis.telemetry.sampling import sampler
from airlock_chassis.telemetry.traces import use_provider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
KEPT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
TRIGGER = "POST /api/workflows/{workflow}/trigger"
A_SECOND = 5
"""New traces that are kept by default."""
TRIGGERED = {"context": {"text": "hello"}}


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    """The spans that are kept by default of what is asked within one moment."""
    by_default = {name: field.default for name, field in ChassisSettings.model_fields.items()}
    exporter = InMemorySpanExporter()
    provider = TracerProvider(
        sampler=sampler(
            ratio=by_default["trace_ratio"], per_second=by_default["traces_per_second"], clock=lambda: 0.0
        )
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use_provider(provider)
    yield exporter
    use_provider(None)


def names(kept: InMemorySpanExporter) -> Counter[str]:
    return Counter(span.name for span in kept.get_finished_spans())


async def test_every_run_of_a_small_install_has_its_trace_while_others_ask(
    rig: Any, kept: InMemorySpanExporter
) -> None:
    await rig.register()
    await rig.apply(_chain())
    kept.clear()
    traces = set()
    async with rig.client_of(None) as stranger:
        for _ in range(A_SECOND):
            for _ in range(2 * A_SECOND):
                await rig.client.get("/api/runs")
                await rig.client.put(f"/api/artifacts/{'0' * 64}", content=b"not its bytes")
                await stranger.post("/api/workflows/chain/trigger", json=TRIGGERED)
            answer = await rig.client.post("/api/workflows/chain/trigger", json=TRIGGERED)
            assert answer.status_code == 202
            traces.add(answer.headers["X-Trace-Id"])
    assert traces <= {f"{span.context.trace_id:032x}" for span in kept.get_finished_spans() if span.context}
    assert len(traces) == A_SECOND
    assert names(kept)["GET /api/runs"] == A_SECOND
    assert names(kept)["PUT /api/artifacts/{sha256}"] < A_SECOND  # the workflow came in the same moment


async def test_whatever_begins_a_run_has_a_pace_of_its_own(rig: Any, kept: InMemorySpanExporter) -> None:
    beginning = [
        path.replace("{workflow}", "none").replace("{run}", "00000000-0000-7000-8000-000000000000")
        for path, methods in rig.app.openapi()["paths"].items()
        if "RunAccepted" in str(methods.get("post", {}).get("responses", {}).get("202"))
    ]
    assert len(beginning) == 4
    for _ in range(4 * A_SECOND):
        await rig.client.post("/api/agents", json={})
    kept.clear()
    for path in beginning:
        await rig.client.post(path, json={})
    assert names(kept).total() == len(beginning)


async def test_a_stranger_s_word_that_a_trace_is_kept_goes_so_far_and_takes_nothing_from_others(
    rig: Any, kept: InMemorySpanExporter
) -> None:
    await rig.client.get("/api/runs")
    for key in (None, "airlock_0123456789_" + 72 * "0"):
        kept.clear()
        async with rig.client_of(key) as stranger:
            for _ in range(20 * A_SECOND):
                answer = await stranger.get("/api/runs", headers=KEPT)
                assert answer.headers["X-Trace-Id"] == TRACE
        assert names(kept).total() <= A_SECOND
    kept.clear()
    for _ in range(4 * A_SECOND):
        await rig.client.get("/api/runs", headers=KEPT)
    assert names(kept).total() == 4 * A_SECOND  # who has a key and a trace


async def test_a_run_whose_caller_keeps_its_trace_is_in_it(rig: Any, kept: InMemorySpanExporter) -> None:
    await rig.register()
    await rig.apply(_chain())
    for _ in range(2 * A_SECOND):
        await rig.client.post("/api/workflows/chain/trigger", json=TRIGGERED)
    kept.clear()
    answer = await rig.client.post("/api/workflows/chain/trigger", json=TRIGGERED, headers=KEPT)
    assert answer.headers["X-Trace-Id"] == TRACE
    (request,) = (span for span in kept.get_finished_spans() if span.name == TRIGGER)
    assert request.context is not None
    assert f"{request.context.trace_id:032x}" == TRACE


def _chain() -> dict[str, Any]:
    text = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    say = {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "{{ context.text }}"}}
    return {"name": "chain", "input_schema": text, "nodes": [say]}
