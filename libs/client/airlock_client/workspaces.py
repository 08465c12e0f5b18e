"""A folder becomes a workspace: what git would ignore stays out, links are never followed."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import airlock_sdk.workspace
from airlock_contracts.artifacts import MAX_ARTIFACT_BYTES, WORKSPACE_MEDIA_TYPE
from airlock_sdk import WorkspaceError
from pathspec import GitIgnoreSpec

from .show.text import size

IGNORE_FILE = ".gitignore"
NEVER = frozenset({".git", ".hg", ".svn"})
"""A repository's own records are no part of its tree."""
MEDIA_TYPE = WORKSPACE_MEDIA_TYPE
_MAX_IGNORE_BYTES = 1024 * 1024
_NAMED = 5


@dataclass(frozen=True, slots=True)
class PackedFolder:
    """A workspace in a temporary file, which is the caller's to remove."""

    path: Path
    files: int
    size: int
    """Bytes of the archive."""
    skipped: tuple[str, ...]
    """Links, devices and the like, which a workspace cannot hold."""


def pack_folder(folder: Path) -> PackedFolder:
    """Pack a folder. Blocks. Raises NotADirectoryError, airlock_sdk.WorkspaceError, OSError."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    planned = airlock_sdk.workspace.plan(folder, list_files(folder))
    if planned.size > MAX_ARTIFACT_BYTES:
        raise WorkspaceError(str(folder), _too_large(planned))
    handle, name = tempfile.mkstemp(prefix="airlock-workspace-", suffix=".tar")
    try:
        with os.fdopen(handle, "wb") as out:
            packed = airlock_sdk.workspace.write(planned, out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return PackedFolder(Path(name), packed.files, packed.size, packed.skipped)


def _too_large(planned: airlock_sdk.workspace.Plan) -> str:
    """How large it would be, where the most of it lies, and what leaves that out."""
    sizes: Counter[str] = Counter()
    for entry in planned.entries:
        top, slash, _ = entry.path.partition("/")
        sizes[top + slash] += entry.size
    largest = ", ".join(f"{name} {size(count)}" for name, count in sizes.most_common(_NAMED) if count)
    return (
        f"it makes {size(planned.size)}, and a workspace holds {size(MAX_ARTIFACT_BYTES)}; "
        f"the largest in it: {largest}; what a .gitignore names stays out"
    )


def list_files(folder: Path) -> Iterator[str]:
    """Yield the paths (relative, with `/`) of what git would not ignore, in every `.gitignore`'s view."""
    specs: dict[str, GitIgnoreSpec] = {}
    for where, folders, files in os.walk(folder, followlinks=False):
        relative = os.path.relpath(where, folder)
        prefix = "" if relative == "." else f"{relative}/"
        if IGNORE_FILE in files:
            specs[prefix] = _read(Path(where) / IGNORE_FILE)
        kept = []
        for name in sorted(folders):
            path = f"{prefix}{name}"
            if os.path.islink(os.path.join(where, name)):
                yield path  # packing names it among the skipped
            elif name not in NEVER and not _is_ignored(f"{path}/", specs):
                kept.append(name)
        folders[:] = kept
        for name in sorted(files):
            path = f"{prefix}{name}"
            if not _is_ignored(path, specs):
                yield path


def _is_ignored(path: str, specs: dict[str, GitIgnoreSpec]) -> bool:
    """Whether the deepest file that has a word about the path says that it is ignored."""
    verdict = False
    for prefix, spec in specs.items():  # a folder's file was read after its parents'
        if path.startswith(prefix) and (word := spec.check_file(path[len(prefix) :]).include) is not None:
            verdict = word
    return verdict


def _read(path: Path) -> GitIgnoreSpec:
    if path.is_symlink():
        return GitIgnoreSpec.from_lines([])  # as git does: a linked .gitignore is not read
    with path.open("rb") as file:
        text = file.read(_MAX_IGNORE_BYTES).decode("utf-8", "replace")
    return GitIgnoreSpec.from_lines(text.splitlines())
