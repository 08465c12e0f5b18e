"""The API's description, OpenAPI 3.1: what the framework knows, and what only we know."""

import re
from collections.abc import Iterator
from typing import Any

from airlock_contracts.problems import Problem
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from ..errors import (
    AirlockError,
    BodyTooLarge,
    Forbidden,
    Internal,
    InvalidRequest,
    KeyInvalid,
    KeyRequired,
    RateLimited,
    StoreUnavailable,
)
from .answers import merge
from .auth import RULES, public
from .documents import BODY_SCHEMAS

_KEYS = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key, as `airlock keys create` shows it.",
    },
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")
"""Its own schemas of problems: ours are others."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole description; made once, then kept by the app."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    described = app.openapi()
    components = described.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, schema in {**problem.pop("$defs"), "Problem": problem, **BODY_SCHEMAS}.items():
        schemas.setdefault(name, schema)
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    components["securitySchemes"] = _KEYS
    shared: dict[str, Any] = components.setdefault("responses", {})
    for operation, is_public in _operations(app, described):
        operation["security"] = [] if is_public else [{name: []} for name in _KEYS]
        operation["summary"] = _summary(operation["description"])
        _add_common_answers(operation, shared, is_public=is_public)
    return described


def _operations(app: FastAPI, described: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each operation, and whether everyone may call it."""
    for context in iter_route_contexts(app.routes):
        is_public = public in RULES.intersection(one.call for one in context.dependant.dependencies)
        for method in context.methods or ():
            operation = described["paths"].get(context.path, {}).get(method.lower())
            if operation is not None:
                yield operation, is_public


def _summary(description: str) -> str:
    """The first sentence, up to where it goes into details."""
    return re.split(r"(?<=[.:;]) |\n", description)[0].rstrip(".:;")


def _add_common_answers(operation: dict[str, Any], shared: dict[str, Any], *, is_public: bool) -> None:
    """Say what a call may answer whatever it is about; once for all where a call adds nothing of its own."""
    answers = operation["responses"]
    if "application/json" in answers.get("422", {}).get("content", {}):
        del answers["422"]  # the framework's own
    for status, errors in _common(operation, is_public=is_public).items():
        if status in answers:
            answer = answers[status]
        else:
            answer = shared.setdefault(f"problem-{status}", {})
            answers[status] = {"$ref": f"#/components/responses/problem-{status}"}
        for error in errors:
            merge(answer, error)
    operation["responses"] = dict(sorted(answers.items()))


def _common(operation: dict[str, Any], *, is_public: bool) -> dict[str, tuple[type[AirlockError], ...]]:
    common: dict[str, tuple[type[AirlockError], ...]] = {"429": (RateLimited,), "500": (Internal,)}
    if not is_public:
        common |= {"401": (KeyRequired, KeyInvalid), "403": (Forbidden,), "503": (StoreUnavailable,)}
        common |= {"422": (InvalidRequest,)}  # a query that it does not take, whatever else it takes
    if "requestBody" in operation:
        common |= {"413": (BodyTooLarge,)}
    if "requestBody" in operation or operation.get("parameters"):
        common |= {"422": (InvalidRequest,)}
    return common
