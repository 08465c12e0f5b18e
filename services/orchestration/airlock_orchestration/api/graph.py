"""/api/runs/{run}/graph.svg and /api/workflows/{workflow}/graph.svg: the DAG as a picture."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ..errors import RunUnknown, WorkflowUnknown
from ..operations import workflows
from ..pictures.boxes import View, draw_run, draw_workflow, tag_of
from .answers import Answers, raw, refusals
from .auth import Asking
from .conditions import NOT_MODIFIED, IfNoneMatch, not_modified, quoted
from .dependencies import Deps

reads = APIRouter(prefix="/api")

_HEADERS = {
    # Opened by itself an SVG is a document: this one needs its own style, and nothing else may happen in it.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


class _Picture(Response):
    media_type = "image/svg+xml"


_PICTURE: Answers = {
    200: raw(
        "The picture.", "image/svg+xml", {"type": "string"}, ETag="Another one once it would look other."
    ),
    **NOT_MODIFIED,
}


@reads.get(
    "/runs/{run}/graph.svg",
    response_class=_Picture,
    responses={**_PICTURE, **refusals(RunUnknown)},
    tags=["runs"],
)
async def draw_run_graph(run: UUID, deps: Deps, asking: Asking, known: IfNoneMatch = None) -> Response:
    """A run's DAG as it stands: layers, statuses, times, gates."""
    return await _answer(deps, draw_run, await deps.runs.get(asking, run), known)


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
    known: IfNoneMatch = None,
) -> Response:
    """A workflow's DAG, by its id or name."""
    view = await workflows.get_workflow(deps.sessions, asking, workflow, version)
    return await _answer(deps, draw_workflow, view, known)


async def _answer(deps: Deps, how: Callable[[View], str], view: View, known: str | None) -> Response:
    tag = tag_of(view)
    if (same := not_modified(known, tag)) is not None:
        return same
    return _Picture(await deps.pictures.draw(how, view), headers={**_HEADERS, "ETag": quoted(tag)})
