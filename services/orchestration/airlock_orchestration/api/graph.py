"""/api/runs/{run}/graph.svg and /api/workflows/{workflow}/graph.svg: the DAG as a picture."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ..errors import RunUnknown, WorkflowUnknown
from ..operations import workflows
from ..operations.graph import draw_run, draw_workflow
from .answers import Answers, raw, refusals
from .auth import Asking
from .dependencies import Deps

reads = APIRouter(prefix="/api")

_HEADERS = {
    # Opened by itself an SVG is a document: this one needs its own style, and nothing else may happen in it.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class _Picture(Response):
    media_type = "image/svg+xml"


_PICTURE: Answers = {200: raw("The picture.", "image/svg+xml", {"type": "string"})}


@reads.get(
    "/runs/{run}/graph.svg",
    response_class=_Picture,
    responses={**_PICTURE, **refusals(RunUnknown)},
    tags=["runs"],
)
async def draw_run_graph(run: UUID, deps: Deps, asking: Asking) -> Response:
    """A run's DAG as it stands: layers, statuses, times, gates."""
    view = await deps.runs.get(asking, run)
    # In a thread: of 1,000 nodes it takes a good part of a second.
    return _Picture(await asyncio.to_thread(draw_run, view), headers=_HEADERS)


@reads.get(
    "/workflows/{workflow}/graph.svg",
    response_class=_Picture,
    responses={**_PICTURE, **refusals(WorkflowUnknown)},
    tags=["workflows"],
)
async def draw_workflow_graph(
    workflow: str,
    deps: Deps,
    asking: Asking,
    version: Annotated[
        int | None, Query(ge=1, le=2_000_000_000, description="A version; else the newest.")
    ] = None,
) -> Response:
    """A workflow's DAG, by its id or name."""
    view = await workflows.get_workflow(deps.sessions, asking, workflow, version)
    return _Picture(await asyncio.to_thread(draw_workflow, view), headers=_HEADERS)
