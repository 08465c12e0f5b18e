"""The JSON value that stands for an artifact in inputs and outputs."""

from __future__ import annotations

import re
from typing import Any, TypedDict, TypeGuard

TAR = "application/x-tar"  # the media type of a workspace
JSON = "application/json"
SARIF = "application/sarif+json"
TEXT = "text/plain"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_KEYS = {"artifact", "size", "media_type"}


class ArtifactReference(TypedDict):
    """Names immutable bytes: their digest, their size in bytes and their media type, and nothing else."""

    artifact: str
    size: int
    media_type: str


def reference(digest: str, size: int, media_type: str) -> ArtifactReference:
    """Spell the reference to an artifact; raises ValueError for anything but `sha256:` and 64 hex digits."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"not an artifact digest: {digest[:80]!r}")
    if size < 0:
        raise ValueError("an artifact has no negative size")
    return {"artifact": digest, "size": size, "media_type": media_type}


def is_reference(value: Any) -> TypeGuard[ArtifactReference]:
    """Tell whether a JSON value is an artifact reference (exactly the three keys)."""
    return (
        isinstance(value, dict)
        and value.keys() == _KEYS
        and isinstance(value["artifact"], str)
        and _DIGEST.fullmatch(value["artifact"]) is not None
        and type(value["size"]) is int
        and value["size"] >= 0
        and isinstance(value["media_type"], str)
    )
