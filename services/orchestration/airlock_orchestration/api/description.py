"""The API's description, OpenAPI 3.1: what the framework knows, and what only we know."""

from typing import Any

from airlock_contracts.problems import Problem
from fastapi import FastAPI

from .documents import BODY_SCHEMAS

_PROBLEM = {
    "description": "A problem: RFC 9457.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
PROBLEMS: dict[int | str, dict[str, Any]] = {422: _PROBLEM, "4XX": _PROBLEM, "5XX": _PROBLEM}
"""Answers that every route may give."""

_KEYS = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key, as `airlock keys create` shows it.",
    },
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


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
    components["securitySchemes"] = _KEYS
    for path, operations in described["paths"].items():
        for operation in operations.values():
            public = path.startswith(("/health", "/metrics"))
            operation["security"] = [] if public else [{name: []} for name in _KEYS]
    return described
