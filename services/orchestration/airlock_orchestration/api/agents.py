"""/api/agents: register agent versions, and look at them."""

from typing import Annotated
from uuid import UUID

from airlock_contracts.base import NAME_PATTERN
from airlock_contracts.manifest import AgentVersion, Manifest
from airlock_contracts.views import AgentView, Page
from fastapi import APIRouter, Query, Request, Response

from ..errors import (
    AgentConflict,
    AgentInvalid,
    AgentUnknown,
    ImageUnusable,
    InvalidDocument,
    NoHost,
    UnsupportedMediaType,
)
from ..operations import agents
from .answers import Answers, described, leading_to, refusals
from .auth import Asking
from .conditions import NOT_MODIFIED, IfNoneMatch, not_modified, quoted
from .dependencies import Deps
from .documents import read_document, takes
from .paging import DEFAULT_LIMIT, After, Limit, page_of

creates = APIRouter(prefix="/api/agents", tags=["agents"])
reads = APIRouter(prefix="/api/agents", tags=["agents"])
for_hosts = APIRouter(prefix="/api/agents", tags=["agents"])

_SHOWN: Answers = {
    200: described("The version.", ETag="What it is: its content_sha256."),
    **NOT_MODIFIED,
    **refusals(AgentUnknown),
}
_LINKS = leading_to("get_agent", agent="$response.body#/id")


@creates.post(
    "",
    status_code=201,
    openapi_extra=takes(Manifest, yaml=True),
    responses={
        201: {**described("It is new.", Location="Where it is."), **_LINKS},
        200: {
            "model": AgentView,
            **described("It is registered already.", Location="Where it is."),
            **_LINKS,
        },
        **refusals(InvalidDocument, AgentInvalid, ImageUnusable, AgentConflict, UnsupportedMediaType, NoHost),
    },
)
async def register_agent(request: Request, response: Response, deps: Deps, asking: Asking) -> AgentView:
    """Register an agent version: its manifest, as YAML or JSON. 200 when it is registered just so already."""
    document = await read_document(request)
    view, new = await agents.register(deps.sessions, deps.resolve_image, asking, document)
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/api/agents/{view.id}"
    return view


@reads.get("")
async def list_agents(
    deps: Deps,
    asking: Asking,
    cursor: After,
    limit: Limit = DEFAULT_LIMIT,
    name: Annotated[str | None, Query(pattern=NAME_PATTERN)] = None,
) -> Page[AgentView]:
    """Agent versions, those registered last first."""
    return page_of(await agents.list_agents(deps.sessions, asking, name=name, cursor=cursor, limit=limit))


@for_hosts.get("/versions/{id}", response_model=AgentVersion, responses=_SHOWN)
async def get_agent_version(
    id: UUID, response: Response, deps: Deps, asking: Asking, known: IfNoneMatch = None
) -> AgentVersion | Response:
    """An agent version as hosts read it: image, limits and grants come from here, never from a message."""
    version = await agents.get_version(deps.sessions, asking, id)
    if (same := not_modified(known, version.content_sha256)) is not None:
        return same
    response.headers["ETag"] = quoted(version.content_sha256)
    return version


@reads.get("/{agent}", responses=refusals(AgentUnknown))
async def get_agent(
    agent: str, deps: Deps, asking: Asking, version: Annotated[str | None, Query(max_length=52)] = None
) -> AgentView:
    """An agent version by its id, its name (the newest) or `name@version`."""
    return await agents.get_agent(deps.sessions, asking, agent, version)
