"""/health and /metrics: for probes and scrapers, without a key."""

from typing import Any

from airlock_contracts.views import HealthView
from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from .dependencies import Deps

reads = APIRouter(tags=["health"])


@reads.get("/health")
@reads.get("/api/health", include_in_schema=False)
async def get_health(deps: Deps) -> HealthView:
    """Whether this process and what it stands on answer. Always 200: the body says."""
    return await deps.health.look()


@reads.get("/health/ready")
@reads.get("/api/health/ready", include_in_schema=False)
async def get_readiness(response: Response, deps: Deps) -> HealthView:
    """Whether requests should be sent here: 200, or 503."""
    view = await deps.health.look()
    if not await deps.health.is_ready():
        response.status_code = 503
    return view


@reads.get("/health/detailed")
@reads.get("/api/health/detailed", include_in_schema=False)
async def get_detailed_health(deps: Deps) -> dict[str, Any]:
    """The same, with figures."""
    view = await deps.health.look()
    figures = {"followers": deps.bells.listeners, **deps.health.details()}
    return {**view.model_dump(mode="json"), "details": figures}


@reads.get("/metrics", response_class=PlainTextResponse)
async def get_metrics(deps: Deps) -> Response:
    """Metrics in Prometheus' text format."""
    return Response(deps.render_metrics(), media_type=deps.metrics_type)
