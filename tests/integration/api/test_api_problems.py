"""Whatever goes wrong is answered as a problem, and a bug without its insides."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from airlock_chassis.telemetry import metrics
from airlock_client.embedded import EmbeddedPostgres
from airlock_orchestration.api.envelope import Envelope
from airlock_orchestration.api.problems import every_error
from starlette.types import Receive, Scope, Send


async def test_an_unknown_path_and_a_wrong_method_are_problems(rig: Any) -> None:
    unknown = await rig.client.get("/api/nothing")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "route.unknown")
    assert unknown.headers["content-type"] == "application/problem+json"
    assert unknown.json()["instance"] == "/api/nothing"
    wrong = await rig.client.delete("/api/runs")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "route.method")
    assert wrong.headers["allow"]


async def test_a_bug_is_logged_whole_and_told_without_its_insides(
    rig: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> bytes:
        raise RuntimeError("the password is hunter2")

    object.__setattr__(rig.deps, "render_metrics", broken)
    answer = await rig.client.get("/metrics")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["trace_id"] == answer.headers["x-trace-id"]
    assert "hunter2" in caplog.text


async def test_a_database_that_is_killed_is_503_and_answers_again_when_it_is_back(
    servers_folder: Path, stand_on: Any
) -> None:
    async with EmbeddedPostgres(servers_folder / "killed", settings={"fsync": "off"}) as server:
        migrating = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "airlock_orchestration", "migrate"),
            env={**os.environ, "AIRLOCK_DATABASE_URL": server.url()},
        )
        assert await migrating.wait() == 0
        async with stand_on(server.url()) as rig:
            assert (await rig.client.get("/api/hosts")).status_code == 200
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(0.35)  # longer than a key is remembered here
            away = await rig.client.get("/api/hosts")
            health = (await rig.client.get("/health")).json()
            ready = await rig.client.get("/health/ready")
            await asyncio.to_thread(server.restart)
            back = await rig.client.get("/api/hosts")
    assert (away.status_code, away.json()["code"]) == (503, "store.unavailable")
    assert away.json()["retryable"] is True
    assert away.headers["retry-after"]
    assert (health["status"], health["database"]) == ("degraded", "down")
    assert ready.status_code == 503
    assert back.status_code == 200


async def test_the_type_of_a_problem_leads_to_its_page(rig: Any) -> None:
    problem = (await rig.client.get("/api/nothing")).json()
    async with rig.client_of(None) as anyone:
        page = await anyone.get(problem["type"])
        assert page.status_code == 200
        assert page.text.startswith("route.unknown (HTTP 404")
        for error in every_error():
            assert (await anyone.get(f"/docs/errors/{error.code}")).status_code == 200
        assert (await anyone.get("/docs/errors/none.such")).status_code == 404


async def test_every_answer_is_safe_to_show(rig: Any) -> None:
    for path in ("/health", "/api/runs", "/api/nothing", "/docs"):
        headers = (await rig.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert len(headers["x-trace-id"]) == 32


async def test_health_and_docs_need_no_key(rig: Any) -> None:
    async with rig.client_of(None) as anyone:
        for prefix in ("", "/api"):
            health = (await anyone.get(f"{prefix}/health")).json()
            assert (health["status"], health["service"]) == ("ok", "orchestration")
            assert (health["database"], health["nats"]) == ("up", "up")
            assert health["version"] == rig.app.version
            assert health["timestamp"].endswith("Z")
            assert (await anyone.get(f"{prefix}/health/ready")).status_code == 200
            assert "details" in (await anyone.get(f"{prefix}/health/detailed")).json()
        assert (await anyone.get("/metrics")).text == "# metrics\n"
        assert "openapi.json" in (await anyone.get("/docs")).text


async def test_the_description_of_the_api_is_whole(rig: Any) -> None:
    described = (await rig.client.get("/openapi.json")).json()
    assert described["info"]["title"] == "airlock"
    schemas = described["components"]["schemas"]

    def references(value: Any) -> Any:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for child in value.values():
                yield from references(child)
        elif isinstance(value, list):
            for child in value:
                yield from references(child)

    for reference in references(described):
        if reference.startswith("#/components/schemas/"):
            assert reference.rpartition("/")[2] in schemas, reference
    body = described["paths"]["/api/workflows"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "application/yaml"}
    assert "/api/workflows/{workflow}/trigger" in described["paths"]


def _sample(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_answers_are_counted_by_route_and_not_by_path(rig: Any) -> None:
    def count() -> list[float]:
        of = [{"route": route, "method": "GET"} for route in ("/api/runs/{run}", "unmatched")]
        counted = [_sample("http_requests_total", **labels, status="404") for labels in of]
        return counted + [_sample("http_request_duration_seconds_count", **labels) for labels in of]

    before = count()
    for number in range(3):
        await rig.client.get(f"/api/runs/00000000-0000-7000-8000-00000000000{number}")
        await rig.client.get(f"/api/none-{number}")
    assert [now - then for now, then in zip(count(), before, strict=True)] == [3, 3, 3, 3]


async def test_methods_that_nobody_knows_are_not_told_apart(rig: Any) -> None:
    labels = {"route": "unmatched", "method": "_OTHER"}
    before = _sample("http_request_duration_seconds_count", **labels)
    for method in ("BREW", "FETCH"):
        await rig.client.request(method, "/teapot")
        assert _sample("http_request_duration_seconds_count", route="unmatched", method=method) == 0
    assert _sample("http_request_duration_seconds_count", **labels) == before + 2


async def test_an_answer_that_goes_on_is_no_slow_one() -> None:
    seconds = 0.2

    async def goes_on(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(seconds)
        await send({"type": "http.response.body", "body": b"done"})

    transport = httpx2.ASGITransport(app=Envelope(goes_on))
    before = _sample("http_request_duration_seconds_sum", route="unmatched", method="PUT")
    async with httpx2.AsyncClient(transport=transport, base_url="http://airlock.example.com") as client:
        began = time.monotonic()
        assert (await client.put("/slowly")).content == b"done"
        took = time.monotonic() - began
    observed = _sample("http_request_duration_seconds_sum", route="unmatched", method="PUT") - before
    assert observed <= took - seconds


async def test_the_interactive_page_loads_nothing_from_elsewhere(rig: Any) -> None:
    async with rig.client_of(None) as anyone:
        page = await anyone.get("/docs")
        assert "://" not in page.text
        assert "'self'" in page.headers["content-security-policy"]
        loaded = re.findall(r'(?:src|href)="(/docs/assets/[^"]+)"', page.text)
        assert len(loaded) == 3
        for path in loaded:
            asset = await anyone.get(path)
            assert asset.status_code == 200
            assert len(asset.content) > 1000
        assert (await anyone.get("/docs/assets/passwd")).status_code == 404
