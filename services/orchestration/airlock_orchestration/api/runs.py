"""/api/runs: start, follow, cancel and retry runs. `events` has the stream."""

import hashlib
from typing import Annotated, Any
from uuid import UUID

from airlock_contracts.callers import trigger_kind
from airlock_contracts.explanations import Explanation
from airlock_contracts.statuses import RunStatus
from airlock_contracts.views import Page, RunAccepted, RunSummary, RunView
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ..errors import (
    AgentUnknown,
    ContextInvalid,
    ContextTooLarge,
    IdempotencyMismatch,
    InvalidDocument,
    NodeBytesUnknown,
    NodeUnknown,
    RunFinal,
    RunNotRetryable,
    RunUnknown,
    WorkflowInvalid,
    WorkflowUnknown,
)
from ..operations import explanations
from ..operations.contexts import MAX_CONTEXT_BYTES, Context
from ..operations.runs import Started
from .answers import Answers, described, leading_to, raw, refusals
from .auth import Asking
from .conditions import NOT_MODIFIED, IfNoneMatch, not_modified, quoted
from .dependencies import Deps
from .documents import member, read_body, read_json, read_model, takes
from .paging import DEFAULT_LIMIT, After, Limit, page_of

triggers = APIRouter(prefix="/api", tags=["runs"])
changes = APIRouter(prefix="/api/runs", tags=["runs"])
reads = APIRouter(prefix="/api/runs", tags=["runs"])

_MAX_TRIGGER_BYTES = 2 * MAX_CONTEXT_BYTES  # whatever the rest of it: the context's own limit comes behind it
_STARTED = {
    **described(
        "It is accepted.",
        Location="Where the run is.",
        Idempotency_Replayed="`true` where the same key was accepted before.",
    ),
    **leading_to(
        *("get_run", "explain_run", "cancel_run", "get_run_context", "follow_run", "list_approvals"),
        run="$response.body#/id",
    ),
}
_SHOWN = {
    **described("The run."),
    **leading_to(
        *("get_node_input", "get_node_output"), run="$response.body#/id", node="$response.body#/nodes/0/id"
    ),
}
_JSON_BYTES = raw("The bytes as they came.", "application/json", {}, ETag="Their sha256.")
_NODE_BYTES: Answers = {
    200: _JSON_BYTES,
    **NOT_MODIFIED,
    **refusals(RunUnknown, NodeUnknown, NodeBytesUnknown),
}
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same request answers the same run.",
    ),
]


class TriggerRequest(BaseModel):
    """What a trigger brings."""

    model_config = ConfigDict(strict=True, extra="forbid")

    context: Any = Field(default_factory=dict)
    """Must satisfy the workflow's input schema; at most 256 KiB."""
    version: int | None = Field(default=None, ge=1, le=2_000_000_000)
    """A version of the workflow; else the newest."""


class CancelRequest(BaseModel):
    """Why a run is to end."""

    model_config = ConfigDict(strict=True, extra="forbid")

    reason: str = Field(default="", max_length=1000)


@triggers.post(
    "/workflows/{workflow}/trigger",
    status_code=202,
    openapi_extra=takes(TriggerRequest, required=False),
    responses={
        202: _STARTED,
        **refusals(
            InvalidDocument,
            WorkflowUnknown,
            AgentUnknown,
            WorkflowInvalid,
            ContextInvalid,
            ContextTooLarge,
            IdempotencyMismatch,
        ),
    },
)
async def trigger_workflow(
    workflow: str, request: Request, response: Response, deps: Deps, asking: Asking, key: Key = None
) -> RunAccepted:
    """Start a run; `Location` says where it is. The context is kept as the bytes that came."""
    body = await read_body(request, _MAX_TRIGGER_BYTES) or b"{}"
    asked = await read_json(body, TriggerRequest)
    context = Context.of(member(body, "context") or b"{}")
    kind = trigger_kind(request.headers.get("User-Agent", ""))
    started = await deps.runs.trigger(asking, workflow, context, number=asked.version, key=key, kind=kind)
    return show_started(response, started)


@triggers.post(
    "/runs/{run}/retry",
    status_code=202,
    responses={
        202: _STARTED,
        **refusals(RunUnknown, RunNotRetryable, ContextInvalid, IdempotencyMismatch),
    },
)
async def retry_run(
    run: UUID, response: Response, deps: Deps, asking: Asking, key: Key = None
) -> RunAccepted:
    """Start a new run that copies what succeeded in one that FAILED or was CANCELLED; gates ask again."""
    return show_started(response, await deps.runs.retry(asking, run, key=key))


@changes.post(
    "/{run}/cancel",
    status_code=202,
    openapi_extra=takes(CancelRequest, required=False),
    responses={
        202: {
            **described("It is cancelled, or will be once its attempts have ended."),
            **leading_to("follow_run", "retry_run", run="$response.body#/id"),
        },
        **refusals(InvalidDocument, RunUnknown, RunFinal),
    },
)
async def cancel_run(run: UUID, request: Request, deps: Deps, asking: Asking) -> RunView:
    """Ask a run to end. It ends CANCELLED once its attempts have."""
    asked = await read_model(request, CancelRequest, empty=b"{}")
    return await deps.runs.cancel(asking, run, asked.reason)


@reads.get("", responses=refusals(WorkflowUnknown))
async def list_runs(
    deps: Deps,
    asking: Asking,
    cursor: After,
    limit: Limit = DEFAULT_LIMIT,
    status: RunStatus | None = None,
    workflow: Annotated[str | None, Query(max_length=64, description="Its id or name.")] = None,
) -> Page[RunSummary]:
    """Runs, the newest first."""
    return page_of(await deps.runs.page(asking, status=status, workflow=workflow, cursor=cursor, limit=limit))


@reads.get("/{run}", responses={200: _SHOWN, **refusals(RunUnknown)})
async def get_run(run: UUID, deps: Deps, asking: Asking) -> RunView:
    """A run with its nodes, attempts and approvals."""
    return await deps.runs.get(asking, run)


@reads.get(
    "/{run}/explain",
    responses={
        200: {
            **described("The explanation."),
            **leading_to("retry_run", "cancel_run", run="$response.body#/run"),
        },
        **refusals(RunUnknown),
    },
)
async def explain_run(run: UUID, deps: Deps, asking: Asking) -> Explanation:
    """Why a run stands where it stands: for whom or what it waits, since when, and what happens next.

    By the facts of the wake-up certificate. Of a run that failed: where, what to do, what a retry redoes.
    """
    return await explanations.explain_run(deps.sessions, asking, run)


@reads.get(
    "/{run}/context",
    response_class=Response,
    responses={200: _JSON_BYTES, **NOT_MODIFIED, **refusals(RunUnknown)},
)
async def get_run_context(run: UUID, deps: Deps, asking: Asking, known: IfNoneMatch = None) -> Response:
    """The trigger's input, byte for byte."""
    return _json(await deps.runs.context(asking, run), known)


@reads.get("/{run}/nodes/{node}/input", response_class=Response, responses=_NODE_BYTES)
async def get_node_input(
    run: UUID, node: str, deps: Deps, asking: Asking, known: IfNoneMatch = None
) -> Response:
    """A node's resolved input, byte for byte as it was shown, hashed and sent."""
    return _json(await deps.runs.input(asking, run, node), known)


@reads.get("/{run}/nodes/{node}/output", response_class=Response, responses=_NODE_BYTES)
async def get_node_output(
    run: UUID, node: str, deps: Deps, asking: Asking, known: IfNoneMatch = None
) -> Response:
    """A node's accepted output, byte for byte as the agent wrote it."""
    return _json(await deps.runs.output(asking, run, node), known)


def show_started(response: Response, started: Started) -> RunAccepted:
    """The answer to what started a run."""
    response.headers["Location"] = f"/api/runs/{started.accepted.id}"
    if started.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return started.accepted


def _json(data: bytes, known: str | None) -> Response:
    tag = f"sha256:{hashlib.sha256(data).hexdigest()}"
    headers = {"ETag": quoted(tag)}
    return not_modified(known, tag) or Response(data, media_type="application/json", headers=headers)
