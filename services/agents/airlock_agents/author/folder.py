"""An author's folder: its manifest, read strictly enough to build and to try it."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from airlock_contracts.manifest import Manifest
from pydantic import ValidationError

MANIFEST = "agent.yaml"
_MAX_BYTES = 1024 * 1024
_SHOWN = 5


class AuthorProblem(Exception):
    """What keeps a folder from being built or tried: for its author, with what to do."""


@dataclass(frozen=True)
class AgentFolder:
    """A folder that holds one agent of one's own."""

    path: Path
    manifest: Manifest


def read_folder(path: Path) -> AgentFolder:
    """Read a folder's manifest. Raises AuthorProblem with every place that is wrong."""
    file = path / MANIFEST
    try:
        with file.open("rb") as source:
            document = yaml.safe_load(source.read(_MAX_BYTES))
    except OSError as error:
        raise AuthorProblem(f"{file} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise AuthorProblem(f"{file} is no YAML: {error}") from error
    try:
        return AgentFolder(path, Manifest.model_validate(document))
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, one['loc'])) or 'the document'}: {one['msg']}"
            for one in error.errors()[:_SHOWN]
        ]
        raise AuthorProblem("\n".join([f"{file} cannot be registered", *lines])) from error
