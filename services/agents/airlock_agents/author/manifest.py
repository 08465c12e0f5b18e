"""The manifest that a build or a try is handed: read and judged before, as registration reads it."""

from pathlib import Path

from airlock_contracts.manifest import Manifest
from pydantic import ValidationError

from ..images.image_files import read_whole
from ..images.packages import BuildProblem

_MAX_BYTES = 8 * 1024 * 1024
"""A manifest has a mebibyte at most; with every character escaped it is six times as long."""


class AuthorProblem(Exception):
    """What keeps a folder from being built or tried: for its author, with what to do."""


class BrokenCode(AuthorProblem):
    """The agent's module cannot be imported in its own image: built or not, it could never run."""


def read_manifest(path: Path) -> Manifest:
    """Read a judged manifest, JSON. Raises AuthorProblem."""
    try:
        raw = read_whole(path, _MAX_BYTES)
    except BuildProblem as problem:
        raise AuthorProblem(str(problem)) from problem
    try:
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        raise AuthorProblem(f"{path} is no judged manifest: {error}") from error
