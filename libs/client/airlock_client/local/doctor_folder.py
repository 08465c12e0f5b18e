"""Looks at what lies on this machine: the data folder, who may read its secrets, its disk, its processes."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ..embedded.errors import FolderRefused
from .findings import GIB, Finding, bytes_text, ok, warning, wrong
from .folder import DataFolder
from .processes import process_age

_FREE_BYTES = GIB
_LITTLE_BYTES = 5 * GIB
_INODES = 0.95
_MOST_FILES = 1000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def look_at_folder(folder: DataFolder) -> list[Finding]:
    """Whether it is ours and of a version that we know."""
    part, path = "data folder", folder.path
    if not path.exists():
        return [ok(part, f"{path} is not there yet; `airlock up` makes it")]
    try:
        folder.check()
    except FolderRefused as error:
        return [wrong(part, str(error), "use a folder of its own: --data-dir")]
    except OSError as error:
        return [wrong(part, f"{path} cannot be read: {error.strerror}", "run as the user that it belongs to")]
    if (owner := path.stat().st_uid) != os.geteuid():
        return [
            wrong(part, f"{path} belongs to user {owner}", "run as that user, or use another: --data-dir")
        ]
    return [ok(part, f"{path}, written by Airlock {folder.written_by()}")]


def look_at_secrets(folder: DataFolder) -> list[Finding]:
    """Whether nobody else can read keys and passwords."""
    part, found = "secrets", []
    looked = 0
    for path in _secrets(folder):
        looked += 1
        try:
            mode = path.stat().st_mode
        except OSError:
            continue  # gone since it was listed
        if mode & _OTHERS:
            what = f"others may open {path} (mode {stat.S_IMODE(mode):o})"
            mend = (
                "and take what was in it for known: make new keys (airlock keys create, airlock keys revoke)"
            )
            found.append(wrong(part, what, f"chmod {'700' if path.is_dir() else '600'} {path}, {mend}"))
    if found or not looked:
        return found
    return [ok(part, f"{looked} files and folders that only their owner may open")]


def _secrets(folder: DataFolder) -> Iterator[Path]:
    for place in (folder.path / "keys", folder.path / "secrets"):
        if place.is_dir():
            yield place
            yield from sorted(place.iterdir())[:_MOST_FILES]
    for path in (folder.path / "nats" / "passwords.json", folder.path / "nats" / "nats.conf"):
        if path.exists():
            yield path


def look_at_disk(folder: DataFolder) -> list[Finding]:
    """Whether there is room where Postgres and JetStream write."""
    place = next(parent for parent in (folder.path, *folder.path.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    text = f"{bytes_text(free)} free at {place}"
    if free < _FREE_BYTES:
        mend = "make room: a host takes no work with so little, and Postgres and JetStream stop without"
        return [wrong("disk", text, mend)]
    if free < _LITTLE_BYTES:
        return [warning("disk", text, "make room before it is full")]
    facts = os.statvfs(place)
    if facts.f_files and facts.f_favail < (1 - _INODES) * facts.f_files:
        what = f"{facts.f_favail} of {facts.f_files} files can still be made at {place}"
        return [warning("disk", what, "remove files that nobody needs: Postgres makes many")]
    return [ok("disk", text)]


def look_at_processes(folder: DataFolder) -> list[Finding]:
    """Whether what was started still runs."""
    state = folder.state()
    if state is None:
        return []
    gone = [name for name, pid in state.parts.items() if process_age(pid) is None]
    if gone:
        logs = folder.log("orchestration").parent
        mend = f"`airlock up` starts it again; if it stays away, look into {logs}"
        return [wrong(name, "its process is gone", mend) for name in gone]
    return [ok("processes", f"{len(state.parts)} run, since {state.started_at}")]
