"""Every route and every caller: who may, and how those who may not are told, as one table."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from airlock_orchestration.operations.keys import parse, revoke_key, spell
from airlock_orchestration.store.tables import KeyRole
from fastapi.routing import iter_route_contexts

PUBLIC = """
GET /health  GET /health/ready  GET /health/detailed  GET /api/health  GET /api/health/ready
GET /api/health/detailed  GET /metrics  GET /openapi.json  GET /docs  GET /docs/assets/{name}
GET /docs/errors/{code}
"""
HOST_OR_ADMIN = """
GET /api/agents/versions/{id}  GET /api/artifacts/{sha256}  HEAD /api/artifacts/{sha256}
PUT /api/artifacts/{sha256}
"""
WEBHOOK_OR_ADMIN = """
POST /api/webhooks/alertmanager  POST /api/webhooks/grafana
"""
ADMIN = """
GET /api/agents  POST /api/agents  GET /api/agents/{agent}
GET /api/workflows  POST /api/workflows  GET /api/workflows/{workflow}
GET /api/workflows/{workflow}/graph.svg
GET /api/workflows/{workflow}/runs  GET /api/workflows/{workflow}/versions
POST /api/workflows/{workflow}/trigger
GET /api/runs  GET /api/runs/{run}  GET /api/runs/{run}/context  GET /api/runs/{run}/events
GET /api/runs/{run}/explain  GET /api/runs/{run}/graph.svg  GET /api/runs/{run}/logs
GET /api/runs/{run}/nodes/{node}/input  GET /api/runs/{run}/nodes/{node}/output
POST /api/runs/{run}/cancel  POST /api/runs/{run}/retry
GET /api/approvals  GET /api/approvals/{approval}  POST /api/approvals/{approval}/decision
GET /api/artifacts  GET /api/hosts
"""
PASSES = None
REQUIRED, INVALID, FORBIDDEN = (401, "key.required"), (401, "key.invalid"), (403, "key.forbidden")
TABLE: dict[str, dict[str, tuple[int, str] | None]] = {
    # caller:  no key     a wrong one       a revoked one       a host's        alerting's       an admin's
    PUBLIC: dict.fromkeys(("nobody", "stranger", "revoked", "host", "webhook", "admin"), PASSES),
    HOST_OR_ADMIN: {
        "nobody": REQUIRED,
        "stranger": INVALID,
        "revoked": INVALID,
        "host": PASSES,
        "webhook": FORBIDDEN,
        "admin": PASSES,
    },
    WEBHOOK_OR_ADMIN: {
        "nobody": REQUIRED,
        "stranger": INVALID,
        "revoked": INVALID,
        "host": FORBIDDEN,
        "webhook": PASSES,
        "admin": PASSES,
    },
    ADMIN: {
        "nobody": REQUIRED,
        "stranger": INVALID,
        "revoked": INVALID,
        "host": FORBIDDEN,
        "webhook": FORBIDDEN,
        "admin": PASSES,
    },
}
"""By the routes of a rule: how each caller is refused, or None for who passes the rule."""


def routes_of(listed: str) -> set[tuple[str, str]]:
    return {(method, path) for method, path in re.findall(r"([A-Z]+) (/\S+)", listed)}


def test_the_table_names_every_route_once(rig: Any) -> None:
    stated = [route for listed in TABLE for route in routes_of(listed)]
    there_are = {
        (method, context.path)
        for context in iter_route_contexts(rig.app.routes)
        for method in context.methods or ()
    }
    assert len(stated) == len(set(stated))
    assert set(stated) == there_are


async def test_every_caller_is_let_through_or_refused_as_the_table_says(rig: Any) -> None:
    revoked = await rig.new_key("carol")
    parts = parse(revoked)
    assert parts is not None
    await revoke_key(rig.sessions, parts[0])
    keys = {
        "nobody": None,
        "stranger": spell("0123456789", "0" * 64),
        "revoked": revoked,
        "host": await rig.new_key("host-1", KeyRole.HOST),
        "webhook": await rig.new_key("alerting", KeyRole.WEBHOOK),
        "admin": rig.admin_key,
    }
    for caller, key in keys.items():
        async with rig.client_of(key) as client:
            for listed, expected in TABLE.items():
                for method, path in sorted(routes_of(listed)):
                    await check(client, method, path, caller, expected[caller])


async def check(client: Any, method: str, path: str, caller: str, expected: tuple[int, str] | None) -> None:
    """Send one request about something that there is not; look at whether it was let that far."""
    answer = await client.request(method, re.sub(r"\{[^}]*\}", str(uuid4()), path))
    said = f"{caller}: {method} {path}: {answer.status_code} {answer.text[:200]}"
    if expected is PASSES:
        assert answer.status_code not in (401, 403, 500, 503), said
    elif method == "HEAD":
        assert answer.status_code == expected[0], said
    else:
        assert (answer.status_code, answer.json()["code"]) == expected, said
        assert ("www-authenticate" in answer.headers) == (expected[0] == 401), said
