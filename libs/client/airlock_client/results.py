"""What a run's nodes gave: their accepted outputs, and the files that these name."""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import airlock_sdk.workspace
from airlock_contracts.artifacts import WORKSPACE_MEDIA_TYPE, ArtifactRef, find_artifacts
from airlock_contracts.statuses import NodeStatus
from airlock_contracts.views import RunView
from airlock_sdk import WorkspaceError
from pydantic import ValidationError

from .client import AirlockClient

MAX_NODES = 200
"""Of a run: whose outputs are read."""
_MAX_NAME = 100
_SUFFIXES = {
    "application/x-tar": ".tar",
    "application/sarif+json": ".sarif",
    "application/json": ".json",
    "text/plain": ".txt",
    "text/x-diff": ".diff",
}
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class NamedFile:
    """An artifact that an output names, and what its file is called."""

    name: str
    """`node-pointer.suffix`: its own text, in letters that any file system takes."""
    node: str
    reference: ArtifactRef


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written of an artifact."""

    path: Path
    size: int
    """Bytes of the artifact."""
    files: int | None = None
    """Of a workspace that was unpacked; None for a file."""
    problem: str = ""
    """Why a workspace was not unpacked: it is kept as it came."""


async def read_outputs(client: AirlockClient, run: RunView, limit: int = MAX_NODES) -> dict[str, Any]:
    """The outputs of the first nodes that succeeded, by their ids."""
    succeeded = [node.id for node in run.nodes if node.status is NodeStatus.SUCCESS]
    return {node: json.loads(await client.node_output(run.id, node)) for node in succeeded[:limit]}


def named_files(outputs: Mapping[str, Any], context: object) -> Iterator[NamedFile]:
    """The artifacts that outputs name, each with a name for its file that no other has.

    What the run was given with its context is no result of it: patcher answers its own input where it changed
    nothing.
    """
    given = {reference.artifact for _, reference in named_in(context)}
    taken: set[str] = set()
    for node, output in outputs.items():
        for pointer, reference in named_in(output):
            if reference.artifact in given:
                continue
            plain = _UNFIT.sub("-", node + pointer.replace("/", "-"))[:_MAX_NAME]
            suffix = _SUFFIXES.get(reference.media_type, ".bin")
            name, count = plain + suffix, 1
            while name in taken:
                count += 1
                name = f"{plain}-{count}{suffix}"
            taken.add(name)
            yield NamedFile(name, node, reference)


def named_in(document: object) -> list[tuple[str, ArtifactRef]]:
    """The artifacts that a context or an output names, each with its JSON Pointer there."""
    found: list[tuple[str, ArtifactRef]] = []
    with suppress(ValidationError):  # what only looks like an artifact
        found.extend(find_artifacts(document))
    return found


async def save_file(client: AirlockClient, file: NamedFile, folder: Path) -> Saved:
    """Write an artifact into a folder; a workspace becomes a folder of its own there.

    Nothing in it can lie outside of that: links, `..` and the like are refused (airlock_sdk.workspace).
    """
    path = folder / file.name
    size = await client.get_artifact(file.reference.artifact, path)
    if file.reference.media_type != WORKSPACE_MEDIA_TYPE:
        return Saved(path, size)
    tree = path.with_suffix("")
    try:
        files = await asyncio.to_thread(_unpack, path, tree)
    except WorkspaceError as error:
        return Saved(path, size, problem=str(error))
    return Saved(tree, size, files)


def _unpack(path: Path, tree: Path) -> int:
    """Unpack a workspace whole or not at all; then its archive goes."""
    part = tree.with_name(tree.name + ".part")
    try:
        with path.open("rb") as stream:
            unpacked = airlock_sdk.workspace.unpack(stream, part)
        part.rename(tree)
    except WorkspaceError:
        shutil.rmtree(part)
        raise
    path.unlink()
    return unpacked.files
