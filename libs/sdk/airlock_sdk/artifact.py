"""The JSON value that stands for an artifact in inputs and outputs."""

from __future__ import annotations

import re
from typing import Any, TypedDict, TypeGuard

TAR = "application/x-tar"  # the media type of a workspace
JSON = "application/json"
SARIF = "application/sarif+json"
TEXT = "text/plain"

MAX_SIZE = 256 * 1024 * 1024  # bytes of one artifact

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MEDIA_TYPE = re.compile(r"[a-zA-Z0-9!#$&^_.+-]+/[a-zA-Z0-9!#$&^_.+-]+")
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


def announcement(name: str, size: int, media_type: str) -> dict[str, Any]:
    """Spell the header of an artifact frame; raises ValueError for what the host would refuse."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"an artifact's name is letters, digits, dots, dashes: not {name[:80]!r}")
    if len(media_type) > 127 or not _MEDIA_TYPE.fullmatch(media_type):
        raise ValueError(f"a media type is type/subtype without parameters, not {media_type[:80]!r}")
    if size > MAX_SIZE:
        raise ValueError(f"an artifact may have {MAX_SIZE} bytes, not {size}")
    return {"type": "artifact", "name": name, "media_type": media_type, "size": size}


def is_reference(value: Any) -> TypeGuard[ArtifactReference]:
    """Tell whether a JSON value is an artifact reference (exactly the three keys)."""
    return (
        isinstance(value, dict)
        and value.keys() == _KEYS
        and isinstance(value["artifact"], str)
        and _DIGEST.fullmatch(value["artifact"]) is not None
        and type(value["size"]) is int
        and 0 <= value["size"] <= MAX_SIZE
        and isinstance(value["media_type"], str)
    )
