"""The artifacts that an input names: what a sandbox must be given beside the document itself."""

from airlock_contracts import strict_json
from airlock_contracts.artifacts import find_artifacts
from airlock_contracts.manifest import Manifest
from airlock_contracts.statuses import Protocol
from pydantic import ValidationError

from .ports import InputArtifact


class BrokenInput(ValueError):
    """The input is no strict JSON, or one of its artifact references is malformed."""


def input_artifacts(manifest: Manifest, document: bytes) -> tuple[InputArtifact, ...]:
    """List the artifacts that an input names, in its order. Raises BrokenInput.

    An agent that speaks stdio has no way to get them: for it there are none.
    """
    if manifest.protocol is not Protocol.AIRLOCK_1:
        return ()
    try:
        value = strict_json.parse(document)
        return tuple(InputArtifact(pointer, ref) for pointer, ref in find_artifacts(value))
    except (strict_json.InvalidJson, ValidationError) as error:
        raise BrokenInput(f"the input cannot be read: {error}") from error
