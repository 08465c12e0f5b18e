"""References to artifacts: immutable bytes known by their sha256."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from .base import Contract

ARTIFACT_SCHEMA_REF = "airlock:artifact"
"""The one schema reference that Airlock itself resolves."""
WORKSPACE_MEDIA_TYPE = "application/x-tar"
MAX_ARTIFACT_BYTES = 256 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024

_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
_KEYS = frozenset({"artifact", "size", "media_type"})


class ArtifactRef(Contract):
    """The JSON value that stands for an artifact in contexts, inputs and outputs."""

    artifact: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    # Strict: `true` and "12" only read like a number of bytes.
    size: int = Field(strict=True, ge=0, le=MAX_ARTIFACT_BYTES)
    """Bytes."""
    media_type: Annotated[
        str, StringConstraints(pattern=r"^[a-zA-Z0-9!#$&^_.+-]+/[a-zA-Z0-9!#$&^_.+-]+$", max_length=127)
    ]

    @property
    def sha256(self) -> str:
        """The digest without its prefix."""
        return self.artifact.removeprefix("sha256:")


ARTIFACT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "artifact": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "size": {"type": "integer", "minimum": 0, "maximum": MAX_ARTIFACT_BYTES},
        "media_type": {"type": "string", "maxLength": 127},
    },
    "required": ["artifact", "size", "media_type"],
    "additionalProperties": False,
}
"""JSON Schema 2020-12 of an artifact reference: what `airlock:artifact` means."""


def is_artifact(value: object) -> bool:
    """Whether a JSON value is an artifact reference."""
    return (
        isinstance(value, dict)
        and value.keys() == _KEYS
        and isinstance(value["artifact"], str)
        and _DIGEST.fullmatch(value["artifact"]) is not None
    )


def find_artifacts(value: object, pointer: str = "") -> Iterator[tuple[str, ArtifactRef]]:
    """Yield every artifact reference in a JSON value with its JSON pointer, in document order.

    Raises pydantic.ValidationError for a value with an artifact's keys and a wrong size or media type.
    """
    if is_artifact(value):
        yield pointer, ArtifactRef.model_validate(value)
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from find_artifacts(child, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from find_artifacts(child, f"{pointer}/{index}")
