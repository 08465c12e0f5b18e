"""The API put together: which router stands behind which gate, and who may pass."""

from collections.abc import Callable
from importlib.metadata import metadata
from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from . import (
    agents,
    approvals,
    artifacts,
    events,
    graph,
    health,
    hosts,
    logs,
    problems,
    reference,
    runs,
    webhooks,
    workflows,
)
from .auth import admin, host_or_admin, public, webhook_or_admin
from .dependencies import Dependencies
from .envelope import Envelope
from .gates import Gate, Gates
from .queries import LENIENT, queries_of, strict_query

TITLE = metadata("airlock")["Name"]
VERSION = metadata("airlock")["Version"]
_ABOUT = (
    "Workflows of sandboxed automation agents, with gates that bind. Send a key as "
    "`Authorization: Bearer <key>` or `X-API-Key`. Errors are RFC 9457 problems with a stable `code`. "
    "A query parameter that a call does not have is a 422, except on webhooks and where no key is needed."
)


def build_api(deps: Dependencies) -> FastAPI:
    """The API over what it stands on; it opens and closes nothing itself."""
    gates = Gates(deps.limits)
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        description=_ABOUT,
        docs_url=None,  # our own, behind a gate
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry={"tracing": False, "metrics": False},  # the envelope's span is the request's
    )
    app.state.airlock = deps
    table: list[tuple[APIRouter, Gate, Callable[..., Any]]] = [
        (health.reads, gates.open, public),
        (reference.reads, gates.open, public),
        (agents.creates, gates.create, admin),
        (agents.for_hosts, gates.read, host_or_admin),
        (agents.reads, gates.read, admin),
        (workflows.creates, gates.create, admin),
        (workflows.reads, gates.read, admin),
        (runs.triggers, gates.trigger, admin),
        (webhooks.posts, gates.trigger, webhook_or_admin),
        (runs.changes, gates.create, admin),
        (runs.reads, gates.read, admin),
        (events.reads, gates.read, admin),
        (logs.reads, gates.read, admin),
        (graph.reads, gates.read, admin),
        (approvals.decisions, gates.create, admin),
        (approvals.reads, gates.read, admin),
        (artifacts.puts, gates.create, host_or_admin),
        (artifacts.reads, gates.read, host_or_admin),
        (artifacts.lists, gates.read, admin),
        (hosts.reads, gates.read, admin),
    ]
    for router, gate, rule in table:
        strict = [] if rule in LENIENT else [Depends(strict_query)]
        app.include_router(router, dependencies=[Depends(gate), Depends(rule), *strict])
    app.state.queries = queries_of(app)
    problems.install(app)
    app.add_middleware(Envelope, recognises=lambda key: deps.keys.has_recognised(key))
    app.state.gates = gates
    return app
