"""Where git keeps what it knows of a work tree, and how much of that is read."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from airlock_sdk import WorkspaceError

from .git_index import EVERYTHING, HASH_BYTES, Broken, Tracked, understand

GIT = ".git"
MAX_INDEX_BYTES = 128 * 1024 * 1024
"""The indexes of one listing with the names that they spell: more than half a million files."""
_MAX_POINTER_BYTES = 8 * 1024
_MAX_LOOKED_AT = 1000  # of folders in a record without an index: a new one has six
_SHOWN = 200  # letters of a path in a message


def go_on() -> None:
    """Ask nobody whether to go on."""


class Indexes:
    """The indexes of one listing: each is read once, and all of them together are bounded."""

    def __init__(self, *, with_ignored: bool, go_on: Callable[[], None] = go_on) -> None:
        """Where `with_ignored`, an index that cannot be read is no error; `go_on` raises to end it."""
        self._with_ignored = with_ignored
        self._go_on = go_on
        self._left = MAX_INDEX_BYTES
        self._known: dict[str, Tracked] = {}

    def tracked(self, work_tree: Path) -> Tracked:
        """What the index of a work tree names: nothing where nothing was ever added.

        Raises WorkspaceError where nobody can know it, or, with `with_ignored`, takes it that all is tracked.
        """
        path = work_tree / GIT
        try:
            if not os.path.lexists(path):
                return Tracked()
            records = _records(path)
            place = os.path.realpath(records)
            if place not in self._known:
                self._known[place] = self._read(records)
            return self._known[place]
        except WorkspaceError as error:
            problem = error
        except OSError as error:
            problem = WorkspaceError(str(path), f"git's records cannot be read ({error.strerror})")
        if self._with_ignored:
            return EVERYTHING
        rule = f"{problem.rule}, so that what is tracked is not known; --with-ignored takes everything"
        raise WorkspaceError(_short(problem.entry), rule) from problem

    def _read(self, records: Path) -> Tracked:
        index = records / "index"
        raw = self._bytes(index)
        if raw is None:
            if _is_new(records):
                return Tracked()
            raise WorkspaceError(str(records), "git's index is not there, though the repository is not new")

        def shared(base: str) -> bytes | None:
            return self._bytes(records / f"sharedindex.{base}")

        def spell(count: int) -> None:
            self._go_on()
            self._left -= count
            if self._left < 0:
                rule = f"git's indexes hold more than {MAX_INDEX_BYTES} bytes together"
                raise WorkspaceError(str(index), rule)

        problems = []
        for hash_bytes in HASH_BYTES:
            try:
                return understand(raw, shared, hash_bytes, spell)
            except Broken as error:
                problems.append(str(error))
        raise WorkspaceError(str(index), f"git's index cannot be read: {problems[0]}")

    def _bytes(self, path: Path) -> bytes | None:
        raw = _bytes(path, self._left)
        self._left -= len(raw or b"")
        return raw


def _records(path: Path) -> Path:
    """The folder that `.git` is, or that it points to, as a submodule's and a worktree's do."""
    if path.is_dir():
        return path
    pointer = _bytes(path, _MAX_POINTER_BYTES) or b""
    if pointer.startswith(b"gitdir: ") and b"\0" not in pointer:
        records = path.parent / os.fsdecode(pointer.removeprefix(b"gitdir: ").rstrip(b"\r\n"))
        if records.is_dir() and os.path.lexists(records / "HEAD"):
            return records
    raise WorkspaceError(str(path), "it leads to no record of git's")


def _is_new(records: Path) -> bool:
    """Whether nothing was added or fetched yet: else an index that is missing was lost, or never written.

    So it is after a checkout that failed midway, as one does whose filter cannot get an object.
    """
    if any(
        os.path.lexists(records / name) for name in ("commondir", "packed-refs", "objects/info/alternates")
    ):
        return False
    folders = [records / "objects"]
    if not (records / "reftable").is_dir():  # else `refs` only says so
        folders.append(records / "refs")
    return not any(_has_files(folder) for folder in folders)


def _has_files(folder: Path) -> bool:
    pending, looked_at = [str(folder)], 0
    while pending:
        try:
            with os.scandir(pending.pop()) as found:
                for entry in found:
                    looked_at += 1
                    if looked_at > _MAX_LOOKED_AT or not entry.is_dir(follow_symlinks=False):
                        return True
                    pending.append(entry.path)
        except FileNotFoundError:
            continue
    return False


def _bytes(path: Path, most: int) -> bytes | None:
    """A regular file whole; None where there is none. Never waits for a pipe."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        raise WorkspaceError(str(path), f"it is no file of at most {most} bytes")
    with path.open("rb") as file:
        return file.read(most)


def _short(path: str) -> str:
    return path if len(path) <= _SHOWN else f"{path[:_SHOWN]}…"
