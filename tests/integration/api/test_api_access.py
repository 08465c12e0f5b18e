"""Who may call what: every route has a gate and a rule, and keys bite as soon as they are revoked."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from airlock_orchestration.api.auth import RULES, admin, host_or_admin, public
from airlock_orchestration.operations.keys import parse, revoke_key, spell
from airlock_orchestration.store.tables import KeyRole
from fastapi.routing import iter_route_contexts


async def test_every_route_has_one_gate_first_and_one_rule(rig: Any) -> None:
    gates = rig.app.state.gates.all
    seen = 0
    for context in iter_route_contexts(rig.app.routes):
        calls = [dependency.call for dependency in context.dependant.dependencies]
        where = f"{context.methods} {context.path}"
        assert calls[0] in gates, where
        assert calls[1] in RULES, where
        assert len(gates.intersection(calls)) == 1, where
        assert len(RULES.intersection(calls)) == 1, where
        seen += 1
    assert seen >= 35


async def test_only_health_metrics_and_docs_are_public(rig: Any) -> None:
    open_paths = {
        context.path
        for context in iter_route_contexts(rig.app.routes)
        if context.dependant.dependencies[1].call is public
    }
    assert open_paths == {
        *("/health", "/health/ready", "/health/detailed"),
        *("/api/health", "/api/health/ready", "/api/health/detailed"),
        *("/metrics", "/docs", "/openapi.json", "/docs/errors/{code}", "/docs/assets/{name}"),
    }


async def test_a_host_may_only_read_agent_versions_and_carry_artifacts(rig: Any) -> None:
    rules = {
        (method, context.path)
        for context in iter_route_contexts(rig.app.routes)
        for method in context.methods or ()
        if context.dependant.dependencies[1].call is host_or_admin
    }
    assert rules == {
        ("GET", "/api/agents/versions/{id}"),
        ("PUT", "/api/artifacts/{sha256}"),
        ("GET", "/api/artifacts/{sha256}"),
        ("HEAD", "/api/artifacts/{sha256}"),
    }
    async with rig.client_of(await rig.new_key("host-1", KeyRole.HOST)) as host:
        for context in iter_route_contexts(rig.app.routes):
            if context.dependant.dependencies[1].call is not admin:
                continue
            for method in context.methods or ():
                path = (context.path or "").replace("{run}", "x").replace("{approval}", "x")
                answer = await host.request(method, path)
                assert (answer.status_code, answer.json()["code"]) == (403, "key.forbidden"), path


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "key.required"),
        ({"Authorization": "Basic YWxpY2U6c2VjcmV0"}, "key.required"),
        ({"Authorization": "Bearer nonsense"}, "key.invalid"),
        ({"X-API-Key": "nonsense"}, "key.invalid"),
        ({"X-API-Key": "airlock_0123456789_" + "0" * 72}, "key.invalid"),
        ({"X-API-Key": spell("0123456789", "0" * 64)}, "key.invalid"),
    ],
)
async def test_without_a_valid_key_everything_is_401(rig: Any, headers: dict[str, str], code: str) -> None:
    async with rig.client_of(None) as stranger:
        answer = await stranger.get("/api/runs", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        refused = await stranger.post("/api/workflows", content=b"x" * 5_000_000, headers=headers)
        assert refused.status_code == 401  # before the body is looked at


async def test_both_headers_carry_a_key(rig: Any) -> None:
    async with rig.client_of(None) as stranger:
        for headers in (
            {"X-API-Key": rig.admin_key},
            {"Authorization": f"bearer {rig.admin_key}"},
        ):
            assert (await stranger.get("/api/runs", headers=headers)).status_code == 200


async def test_the_right_id_with_another_secret_is_refused(rig: Any) -> None:
    parts = parse(rig.admin_key)
    assert parts is not None
    forged = spell(parts[0], "0" * 64)
    assert (await rig.client.get("/api/runs")).status_code == 200  # and so the id is remembered
    async with rig.client_of(forged) as forger:
        assert (await forger.get("/api/runs")).status_code == 401


async def test_a_revoked_key_is_refused_once_what_is_remembered_lapses(rig: Any) -> None:
    key = await rig.new_key("carol")
    parts = parse(key)
    assert parts is not None
    async with rig.client_of(key) as carol:
        assert (await carol.get("/api/runs")).status_code == 200
        await revoke_key(rig.sessions, parts[0])
        end = time.monotonic() + 5
        while (answer := await carol.get("/api/runs")).status_code == 200:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
        assert (answer.status_code, answer.json()["code"]) == (401, "key.invalid")
