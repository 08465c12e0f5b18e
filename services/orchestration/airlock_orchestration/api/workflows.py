"""/api/workflows: apply workflows, look at them, trigger them."""

from typing import Annotated

from airlock_contracts.statuses import RunStatus
from airlock_contracts.views import Page, RunSummary, WorkflowView
from airlock_contracts.workflow import WorkflowSpec
from fastapi import APIRouter, Query, Request, Response

from ..errors import InvalidDocument, UnsupportedMediaType, WorkflowChanged, WorkflowInvalid, WorkflowUnknown
from ..operations import workflows
from .answers import described, leading_to, refusals
from .auth import Asking
from .conditions import NOT_MODIFIED, BuildsOn, IfNoneMatch, not_modified, quoted
from .dependencies import Deps
from .documents import read_document, takes
from .paging import DEFAULT_LIMIT, After, Limit, page_of

creates = APIRouter(prefix="/api/workflows", tags=["workflows"])
reads = APIRouter(prefix="/api/workflows", tags=["workflows"])

_LINKS = leading_to(
    *("trigger_workflow", "get_workflow", "list_workflow_versions", "list_workflow_runs"),
    workflow="$response.body#/id",
)
_PLACE = {"Location": "Where it is.", "ETag": "The version, for If-Match."}
Number = Annotated[int | None, Query(ge=1, le=2_000_000_000, description="A version; else the newest.")]


@creates.post(
    "",
    status_code=201,
    openapi_extra=takes(WorkflowSpec, yaml=True),
    responses={
        201: {**described("It is a new version.", **_PLACE), **_LINKS},
        200: {
            "model": WorkflowView,
            **described("The newest says that already.", **_PLACE),
            **_LINKS,
        },
        **refusals(InvalidDocument, WorkflowInvalid, WorkflowChanged, UnsupportedMediaType),
    },
)
async def apply_workflow(
    request: Request, response: Response, deps: Deps, asking: Asking, builds_on: BuildsOn
) -> WorkflowView:
    """Make a specification, as YAML or JSON, the newest version of its workflow.

    200 when the newest version says just that already. With `If-Match` it is made only if the newest is still
    the one that was looked at; with `If-None-Match: *` only if there is none.
    """
    document = await read_document(request)
    view, new = await workflows.apply(deps.sessions, asking, document, builds_on)
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/api/workflows/{view.id}"
    response.headers["ETag"] = quoted(_tag(view))
    return view


@reads.get("")
async def list_workflows(
    deps: Deps, asking: Asking, cursor: After, limit: Limit = DEFAULT_LIMIT
) -> Page[WorkflowView]:
    """Workflows in their newest versions, those made last first."""
    return page_of(await workflows.list_workflows(deps.sessions, asking, cursor=cursor, limit=limit))


@reads.get(
    "/{workflow}",
    response_model=WorkflowView,
    responses={
        200: described("The version.", ETag="The version, for If-Match."),
        **NOT_MODIFIED,
        **refusals(WorkflowUnknown),
    },
)
async def get_workflow(
    workflow: str,
    response: Response,
    deps: Deps,
    asking: Asking,
    version: Number = None,
    known: IfNoneMatch = None,
) -> WorkflowView | Response:
    """A workflow by its id or name."""
    view = await workflows.get_workflow(deps.sessions, asking, workflow, version)
    if (same := not_modified(known, _tag(view))) is not None:
        return same
    response.headers["ETag"] = quoted(_tag(view))
    return view


@reads.get("/{workflow}/versions", responses=refusals(WorkflowUnknown))
async def list_workflow_versions(
    workflow: str, deps: Deps, asking: Asking, before: Number = None, limit: Limit = DEFAULT_LIMIT
) -> Page[WorkflowView]:
    """The versions of a workflow, newest first; `next_cursor` is given as `before`."""
    items, last = await workflows.list_versions(deps.sessions, asking, workflow, before=before, limit=limit)
    return Page[WorkflowView](items=items, next_cursor=None if last is None else str(last))


@reads.get("/{workflow}/runs", responses=refusals(WorkflowUnknown))
async def list_workflow_runs(
    workflow: str,
    deps: Deps,
    asking: Asking,
    cursor: After,
    limit: Limit = DEFAULT_LIMIT,
    status: RunStatus | None = None,
) -> Page[RunSummary]:
    """The runs of a workflow, the newest first."""
    return page_of(await deps.runs.page(asking, status=status, workflow=workflow, cursor=cursor, limit=limit))


def _tag(view: WorkflowView) -> str:
    return workflows.tag(view.version, view.spec_sha256)
