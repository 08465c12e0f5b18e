"""/health and /metrics: for probes and scrapers, without a key; and the API's own description."""

from typing import Any

from airlock_contracts.views import HealthView
from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from ..errors import RouteUnknown
from .dependencies import Deps
from .description import describe
from .problems import PAGES, every_error

reads = APIRouter(tags=["health"])
# What the interactive page loads, and nothing else.
_DOCS_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data: https://fastapi.tiangolo.com; "
    "script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "frame-ancestors 'none'"
)


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


@reads.get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Request) -> JSONResponse:
    """The API's description, OpenAPI 3.1."""
    return JSONResponse(describe(request.app))


@reads.get("/docs", include_in_schema=False)
async def get_docs(request: Request) -> HTMLResponse:
    """The API's description to read and try."""
    page = get_swagger_ui_html(openapi_url="/openapi.json", title=request.app.title)
    page.headers["Content-Security-Policy"] = _DOCS_POLICY
    return page


@reads.get(PAGES + "{code}", include_in_schema=False, response_class=PlainTextResponse)
async def get_error_page(code: str) -> PlainTextResponse:
    """What an error's code means: where the `type` of a problem leads."""
    for error in every_error():
        if error.code == code:
            lines = [f"{code} (HTTP {error.status}, {error.category})", "", error.title()]
            lines += ["", error.hint] if error.hint else []
            return PlainTextResponse("\n".join(lines) + "\n")
    raise RouteUnknown(f"no error has the code {code[:64]!r}")
