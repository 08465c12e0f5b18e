"""What an agent answered, against what its registration promises. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from airlock_contracts import failures, strict_json
from airlock_contracts.artifacts import ArtifactRef, find_artifacts
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.manifest import Limits
from pydantic import ValidationError

from ..engine.schemas import SchemaProblem, Validator

MAX_TOLD = 8
"""Problems of one value that are told: whoever mends one would meet the next only after another run."""
MAX_TOLD_CHARACTERS = 500


class BrokenContract(Exception):
    """The output is not what the agent's registration promises."""

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.failure = Failure(
            kind=FailureKind.CONTRACT,
            code=code,
            message=message[:4000],
            retryable=True,
            details=dict(details or {}),
        )

    @property
    def code(self) -> str:
        """The failure's."""
        return self.failure.code


def check_output(limits: Limits, validator: Validator, body: bytes) -> object:
    """Parse an output strictly and check it against the schema registered for the action.

    Raises BrokenContract with the reason and the JSON pointer.
    """
    limit = limits.output_kb * 1024
    if len(body) > limit:
        raise BrokenContract(
            failures.OUTPUT_TOO_LARGE, f"{len(body)} bytes of output; at most {limit}", {"limit": limit}
        )
    try:
        value = strict_json.parse(body)
    except strict_json.InvalidJson as error:
        raise BrokenContract(
            failures.OUTPUT_INVALID_JSON, f"the output is not strict JSON: {error}"
        ) from error
    if problems := validator.problems(value, MAX_TOLD):
        raise BrokenContract(failures.OUTPUT_SCHEMA_MISMATCH, *mismatch("output", problems))
    return value


def mismatch(what: str, problems: Sequence[SchemaProblem]) -> tuple[str, dict[str, Any]]:
    """Message and details for a value that breaks its schema: the first problem, and those beside it."""
    first, *others = problems
    details: dict[str, Any] = {"pointer": first.pointer}
    if others:
        details["also"] = [f"at {one.pointer or '/'}: {one.message}"[:MAX_TOLD_CHARACTERS] for one in others]
    return f"the {what} breaks its schema at {first.pointer or '/'}: {first.message}", details


def artifacts_named(value: object) -> tuple[ArtifactRef, ...]:
    """The artifacts that an output names. Raises BrokenContract for a reference that is none."""
    try:
        return tuple(ref for _, ref in find_artifacts(value))
    except ValidationError as error:
        raise BrokenContract(
            failures.OUTPUT_UNKNOWN_ARTIFACT, f"an artifact reference is malformed: {error}"
        ) from error


def unknown_artifacts(digests: Collection[str]) -> BrokenContract:
    """An output named artifacts that it had no way to know."""
    return BrokenContract(
        failures.OUTPUT_UNKNOWN_ARTIFACT,
        "the output names artifacts that are neither in the input nor put by this attempt",
        {"artifacts": sorted(digests)[:20]},
    )
