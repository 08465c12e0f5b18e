"""What a call may answer beside its success, stated where the route is: `responses=refusals(RunUnknown)`.

What every call may answer (a key that is wrong, a limit that is reached) is added by the description.
"""

from collections.abc import Mapping
from typing import Any

from airlock_contracts.problems import Problem

from ..errors import PAGES, AirlockError
from .problems import PROBLEM_TYPE

Answers = dict[int | str, dict[str, Any]]
BYTES: Mapping[str, Any] = {"type": "string", "format": "binary"}
_PROBLEM = {"$ref": "#/components/schemas/Problem"}


def refusals(*errors: type[AirlockError]) -> Answers:
    """These problems by their status, for a route's `responses`."""
    answers: Answers = {}
    for error in errors:
        merge(answers.setdefault(error.status, {}), error)
    return answers


def merge(answer: dict[str, Any], error: type[AirlockError]) -> None:
    """Let an answer be this problem too."""
    content = answer.setdefault("content", {}).setdefault(PROBLEM_TYPE, {"schema": _PROBLEM, "examples": {}})
    if error.code in content["examples"]:
        return
    content["examples"][error.code] = {"summary": error.title(), "value": _example(error)}
    said = answer.get("description")
    answer["description"] = f"{said} {error.title()}" if said else error.title()
    if error.status in (429, 503):
        seconds = {"description": "Seconds until it is worth another try.", "schema": {"type": "integer"}}
        answer.setdefault("headers", {})["Retry-After"] = seconds


def described(text: str, **headers: str) -> dict[str, Any]:
    """An answer in words, with its headers."""
    answer: dict[str, Any] = {"description": text}
    if headers:
        answer["headers"] = {
            name.replace("_", "-"): {"description": means, "schema": {"type": "string"}}
            for name, means in headers.items()
        }
    return answer


def raw(text: str, media_type: str, schema: Mapping[str, Any] = BYTES, **headers: str) -> dict[str, Any]:
    """An answer of bytes that are no model of ours."""
    return {**described(text, **headers), "content": {media_type: {"schema": dict(schema)}}}


def leading_to(*operations: str, body: Mapping[str, str] | None = None, **parameters: str) -> dict[str, Any]:
    """The links of an answer: calls whose parameters stand in it. Source: OpenAPI 3.1.1, 4.8.20."""
    link = {"parameters": parameters} | ({"requestBody": dict(body)} if body else {})
    return {"links": {operation: {"operationId": operation, **link} for operation in operations}}


def _example(error: type[AirlockError]) -> dict[str, Any]:
    problem = Problem(
        type=f"{PAGES}{error.code}",
        title=error.title(),
        status=error.status,
        detail="what is particular to this call",
        code=error.code,
        category=error.category.value,
        retryable=error.retryable,
        hint=error.hint,
    )
    return problem.model_dump(mode="json", exclude_none=True)
