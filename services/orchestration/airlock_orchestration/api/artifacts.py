"""/api/artifacts: immutable bytes in and out, by their digest."""

from typing import Annotated
from uuid import UUID

from airlock_contracts.artifacts import MAX_ARTIFACT_BYTES, ArtifactRef
from airlock_contracts.messages import AttemptId
from airlock_contracts.problems import Finding
from airlock_contracts.views import ArtifactView, Page
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from ..errors import (
    ArtifactMismatch,
    ArtifactTooLarge,
    ArtifactUnknown,
    Forbidden,
    InvalidRequest,
    RunUnknown,
)
from ..operations.artifacts import Putter
from ..operations.principals import Principal
from ..store.tables import KeyRole
from .answers import BYTES, described, leading_to, raw, refusals
from .auth import Asking
from .conditions import NOT_MODIFIED, IfNoneMatch, not_modified
from .dependencies import Deps
from .documents import pieces
from .paging import DEFAULT_LIMIT, AfterDigest, Limit, page_of

puts = APIRouter(prefix="/api/artifacts", tags=["artifacts"])
reads = APIRouter(prefix="/api/artifacts", tags=["artifacts"])
lists = APIRouter(prefix="/api/artifacts", tags=["artifacts"])

Digest = Annotated[str, Path(pattern=r"^(sha256:)?[0-9a-f]{64}$", description="sha256 of the bytes.")]
_DEFAULT_TYPE = "application/octet-stream"
_HEADERS = {"ETag": "Their digest.", "Content-Disposition": "Always `attachment`."}
_LINKS = leading_to("get_artifact", "look_at_artifact", sha256="$response.body#/artifact")
_UPLOAD_SECONDS = 900.0  # for 256 MiB: 300 KB/s


@puts.put(
    "/{sha256}",
    status_code=201,
    openapi_extra={"requestBody": {"required": True, "content": {_DEFAULT_TYPE: {"schema": BYTES}}}},
    responses={
        201: {**described("It is kept.", Location="Where it is."), **_LINKS},
        200: {"model": ArtifactView, **described("It was here already.", Location="Where it is."), **_LINKS},
        **refusals(ArtifactMismatch, ArtifactTooLarge),
    },
)
async def put_artifact(
    sha256: Digest,
    request: Request,
    response: Response,
    deps: Deps,
    asking: Asking,
    attempt: Annotated[
        str | None,
        Header(alias="Airlock-Attempt", max_length=256, description="`run/node/number`; for hosts alone."),
    ] = None,
) -> ArtifactView:
    """Keep an artifact. Its digest is checked. 200 when it is here already; it is sent whole all the same."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > MAX_ARTIFACT_BYTES:
        raise ArtifactTooLarge(f"{announced} bytes; at most {MAX_ARTIFACT_BYTES}")
    media_type = _media_type(request.headers.get("content-type") or _DEFAULT_TYPE)
    view, new = await deps.artifacts.put(
        _bare(sha256),
        pieces(request, _UPLOAD_SECONDS),
        media_type=media_type,
        putter=_putter(asking, attempt),
    )
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/api/artifacts/{_bare(sha256)}"
    return view


@lists.get("", responses=refusals(RunUnknown))
async def list_artifacts(
    deps: Deps,
    asking: Asking,
    cursor: AfterDigest,
    limit: Limit = DEFAULT_LIMIT,
    run: Annotated[
        UUID | None, Query(description="Only those that this run's context, inputs and outputs name.")
    ] = None,
) -> Page[ArtifactView]:
    """The project's artifacts, those put last first."""
    return page_of(await deps.artifacts.page(asking, run=run, cursor=cursor, limit=limit))


@reads.head(
    "/{sha256}",
    response_class=Response,
    responses={200: described("It is here.", **_HEADERS), **refusals(ArtifactUnknown)},
)
async def look_at_artifact(sha256: Digest, deps: Deps) -> Response:
    """Size and media type of an artifact."""
    view = await deps.artifacts.find(_bare(sha256))
    return Response(headers=_headers(view), media_type=view.media_type)


@reads.get(
    "/{sha256}",
    response_class=StreamingResponse,
    responses={200: raw("The bytes.", "*/*", BYTES, **_HEADERS), **NOT_MODIFIED, **refusals(ArtifactUnknown)},
)
async def get_artifact(sha256: Digest, deps: Deps, known: IfNoneMatch = None) -> Response:
    """The bytes of an artifact. The answer breaks off before its end if they no longer have their digest."""
    view = await deps.artifacts.find(_bare(sha256))
    if (same := not_modified(known, view.artifact)) is not None:
        return same
    body = deps.artifacts.read(_bare(sha256), view.size)
    return StreamingResponse(body, headers=_headers(view), media_type=view.media_type)


def _bare(sha256: str) -> str:
    return sha256.removeprefix("sha256:")


def _headers(view: ArtifactView) -> dict[str, str]:
    digest = _bare(view.artifact)
    return {
        "Content-Length": str(view.size),
        "ETag": f'"sha256:{digest}"',
        # Whatever it says it is, a browser shall save it and not show it.
        "Content-Disposition": f'attachment; filename="{digest}"',
    }


def _media_type(text: str) -> str:
    media_type = text.partition(";")[0].strip().lower()
    try:
        return ArtifactRef(artifact="sha256:" + "0" * 64, size=0, media_type=media_type).media_type
    except ValidationError as error:
        finding = Finding(place="header.content-type", code="media_type.invalid", message="no media type")
        raise InvalidRequest(f"Content-Type {text[:100]!r} is no media type", errors=[finding]) from error


def _putter(asking: Principal, attempt: str | None) -> Putter:
    """Who brings an artifact. A host brings it for an attempt, whose output may then name it."""
    if attempt is None:
        return Putter(asking.project, asking.name)
    if asking.role is not KeyRole.HOST:
        raise Forbidden("only a host speaks for an attempt")
    try:
        return Putter(asking.project, asking.name, AttemptId.parse(attempt))
    except ValueError as error:
        finding = Finding(
            place="header.airlock-attempt", code="attempt.invalid", message="not `run/node/number`"
        )
        raise InvalidRequest("Airlock-Attempt is not an attempt's id", errors=[finding]) from error
