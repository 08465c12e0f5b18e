"""A folder becomes a workspace: one archive of what the folder's tree lists (`working_tree`)."""

import asyncio
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import airlock_sdk.workspace
from airlock_contracts.artifacts import MAX_ARTIFACT_BYTES, WORKSPACE_MEDIA_TYPE
from airlock_sdk import WorkspaceError

from .git_records import go_on
from .show.text import size
from .working_tree import list_folder

MEDIA_TYPE = WORKSPACE_MEDIA_TYPE
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
    ignored: Mapping[str, int]
    """Named by a `.gitignore`, not tracked: files, or folders (with `/`) and how many are in each."""
    records: tuple[str, ...]
    """Records of version control within the tree."""
    strangers: tuple[str, ...] = ()
    """Git's records above the folder that are somebody else's: what they track was not asked."""


class _Ended(Exception):
    """Nobody waits for the workspace any more."""


async def pack(folder: Path, *, with_ignored: bool = False) -> PackedFolder:
    """Pack a folder beside the loop; when it is cancelled, that ends soon and leaves no file behind."""
    cancelled = threading.Event()

    def still_wanted() -> None:
        if cancelled.is_set():
            raise _Ended

    work = asyncio.create_task(
        asyncio.to_thread(pack_folder, folder, with_ignored=with_ignored, go_on=still_wanted)
    )
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        cancelled.set()
        work.add_done_callback(_remove)
        await asyncio.wait([work])
        raise


def _remove(work: "asyncio.Task[PackedFolder]") -> None:
    if not work.cancelled() and work.exception() is None:
        work.result().path.unlink(missing_ok=True)


def pack_folder(
    folder: Path, *, with_ignored: bool = False, go_on: Callable[[], None] = go_on
) -> PackedFolder:
    """Pack a folder; `with_ignored` takes also what a `.gitignore` names, `go_on` may raise to end it.

    Blocks. Raises NotADirectoryError, airlock_sdk.WorkspaceError, OSError.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    listing = list_folder(folder, with_ignored=with_ignored, go_on=go_on)
    planned = airlock_sdk.workspace.plan(folder, listing.paths)
    if planned.size > MAX_ARTIFACT_BYTES:
        raise WorkspaceError(str(folder), _too_large(planned))
    handle, name = tempfile.mkstemp(prefix="airlock-workspace-", suffix=".tar")
    try:
        with os.fdopen(handle, "wb") as out:
            packed = airlock_sdk.workspace.write(planned, out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return PackedFolder(
        Path(name),
        packed.files,
        packed.size,
        packed.skipped,
        listing.ignored,
        listing.records,
        listing.strangers,
    )


def _too_large(planned: airlock_sdk.workspace.Plan) -> str:
    """How large it would be, where the most of it lies, and what leaves that out."""
    sizes: Counter[str] = Counter()
    for entry in planned.entries:
        top, slash, _ = entry.path.partition("/")
        sizes[top + slash] += entry.size
    largest = ", ".join(f"{name} {size(count)}" for name, count in sizes.most_common(_NAMED) if count)
    return (
        f"it makes {size(planned.size)}, and a workspace holds {size(MAX_ARTIFACT_BYTES)}; "
        f"the largest in it: {largest}; what a .gitignore names and git does not track stays out"
    )
