"""/health and /metrics: for probes and scrapers, without a key."""

import asyncio

from airlock_contracts.views import DetailedHealthView, HealthView
from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from .answers import Answers, raw
from .dependencies import Deps

reads = APIRouter(tags=["health"])
_UNREADY: Answers = {503: {"model": HealthView, "description": "Requests should be sent elsewhere."}}


@reads.get("/health")
@reads.get("/api/health", operation_id="get_health_under_api")
async def get_health(deps: Deps) -> HealthView:
    """Whether this process and what it stands on answer. Always 200: the body says."""
    return await deps.health.look()


@reads.get("/health/ready", responses=_UNREADY)
@reads.get("/api/health/ready", operation_id="get_readiness_under_api", responses=_UNREADY)
async def get_readiness(response: Response, deps: Deps) -> HealthView:
    """Whether requests should be sent here: 200, or 503.

    Postgres and NATS are asked, for at most 2 s each: within 5 s it says when one is gone, or back.
    """
    view = await deps.health.look()
    if view.status != "ok":
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    return view


@reads.get("/health/detailed")
@reads.get("/api/health/detailed", operation_id="get_detailed_health_under_api")
async def get_detailed_health(deps: Deps) -> DetailedHealthView:
    """The same as /health, with what each check found and some figures."""
    return await deps.health.look_closely()


@reads.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: raw("Metrics.", "text/plain", {"type": "string"})},
)
async def get_metrics(deps: Deps) -> Response:
    """Metrics in Prometheus' text format."""
    # In a thread: of a busy install it is more than a megabyte.
    return Response(await asyncio.to_thread(deps.render_metrics), media_type=deps.metrics_type)
