"""The one place where errors become answers: RFC 9457 problem details, `application/problem+json`."""

from collections.abc import Iterator
from typing import Any

import structlog
from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.traces import current_ids
from airlock_contracts.problems import Finding, Problem
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from slowapi.errors import RateLimitExceeded
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from .. import errors
from ..errors import (
    MAX_FINDINGS,
    PAGES,
    AirlockError,
    Category,
    Internal,
    InvalidRequest,
    MethodNotAllowed,
    RouteUnknown,
    counted,
)
from .gates import rate_limited

PROBLEM_TYPE = "application/problem+json"

log = structlog.get_logger(__name__)


def every_error() -> Iterator[type[AirlockError]]:
    """All classes of errors that a call can be answered with."""
    stack = [AirlockError]
    while stack:
        kind = stack.pop()
        stack.extend(kind.__subclasses__())
        if kind is not AirlockError and kind.__module__.startswith(f"{errors.__name__}."):
            yield kind


def render(error: AirlockError, instance: str | None) -> Response:
    """Write an error as a problem."""
    ids = current_ids()
    problem = Problem(
        type=f"{PAGES}{error.code}",
        title=error.title(),
        status=error.status,
        detail=error.detail,
        instance=instance,
        code=error.code,
        category=error.category.value,
        retryable=error.retryable,
        hint=error.advice,
        errors=list(error.errors),
        trace_id=ids[0] if ids else None,
        details=error.details,
    )
    headers = error.headers
    if error.status == 503:
        headers = {"Retry-After": "5", **headers}
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=error.status,
        headers=headers,
        media_type=PROBLEM_TYPE,
    )


def unexpected(error: Exception, instance: str | None) -> Response:
    """The answer to a bug: logged whole, told without its insides."""
    log.error("request.failed", path=instance, exc_info=error)
    return render(Internal("the request could not be answered; it is in the log"), instance)


def install(app: FastAPI) -> None:
    """Let everything that goes wrong on the way be answered as a problem."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, AirlockError)
        if error.category is Category.INTERNAL:
            log.error("request.failed", code=error.code, path=request.url.path, exc_info=error)
        elif error.status >= 500:
            log.warning("request.unavailable", code=error.code, path=request.url.path, detail=error.detail)
        return render(error, request.url.path)

    async def limited(request: Request, error: Exception) -> Response:
        assert isinstance(error, RateLimitExceeded)
        assert error.limit is not None
        metrics.rate_limited_total.labels(error.limit.scope).inc()
        return render(rate_limited(request), request.url.path)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = error.errors()
        findings = [_finding(problem) for problem in problems[:MAX_FINDINGS]]
        return render(InvalidRequest(counted(findings, len(problems)), errors=findings), request.url.path)

    paths = [
        (compile_path(context.path)[0], frozenset(context.methods or ()))
        for context in iter_route_contexts(app.routes)
        if context.path is not None
    ]

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.url.path
        methods = frozenset[str]().union(*(methods for regex, methods in paths if regex.fullmatch(path)))
        return render(_of_http(request, error, methods), path)

    app.add_exception_handler(AirlockError, known)
    app.add_exception_handler(RateLimitExceeded, limited)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _of_http(request: Request, error: HTTPException, methods: frozenset[str]) -> AirlockError:
    if error.status_code == 404:
        return RouteUnknown(f"nothing is at {request.url.path[:200]}")
    if error.status_code == 405:
        return MethodNotAllowed(
            f"{request.url.path[:200]} does not take {request.method[:20]}",
            # The framework names the methods of one route; a path may have several. Source: RFC 9110, 10.2.1.
            headers={"Allow": ", ".join(sorted(methods))},
        )
    return InvalidRequest(str(error.detail), headers=error.headers)


def _finding(problem: Any) -> Finding:
    place = ".".join(str(part) for part in problem["loc"])
    return Finding(place=place, code=f"field.{problem['type']}", message=problem["msg"])
