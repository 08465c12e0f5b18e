"""One walk over the whole file system: sockets, devices, setuid programs, and what can be written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_KERNEL = ("/proc", "/sys")
_MOST_ENTRIES = 1_000_000
"""An image has some tens of thousands; a host folder that should not be here may have any number."""
_ENOUGH = 40
"""Places that can be written, until no more are looked for: opening a file copies it, in a layered image."""
_MARK = ".airlock-probe"
HARMLESS_DEVICES = frozenset(
    f"/dev/{name}" for name in ("full", "null", "ptmx", "pts/ptmx", "random", "tty", "urandom", "zero")
)
"""What every container has, and nothing but this."""


@dataclass
class Found:
    """What a walk collects."""

    sockets: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    setuid: list[str] = field(default_factory=list)
    writable: list[str] = field(default_factory=list)


def walk(scratch: str) -> Found:
    """Look at every entry there is but those of the scratch folder and of single processes."""
    found = Found()
    folders = ["/"]
    seen = 0
    while folders and seen < _MOST_ENTRIES:
        folder = folders.pop()
        if folder == scratch:
            continue
        if len(found.writable) < _ENOUGH and _can_write(folder, is_folder=True):
            found.writable.append(folder)
        for entry in _entries(folder):
            seen += 1
            if folder == "/proc" and (entry.name.isdecimal() or entry.name in ("self", "thread-self")):
                continue
            _sort_in(entry, found, folders)
    return found


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        return  # one that we may not look into: then neither may any agent


def _sort_in(entry: os.DirEntry[str], found: Found, folders: list[str]) -> None:
    try:
        if entry.is_symlink():
            return
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.path)
            return
        facts = entry.stat(follow_symlinks=False)
    except OSError:
        return
    if stat.S_ISSOCK(facts.st_mode):
        found.sockets.append(entry.path)
    elif stat.S_ISCHR(facts.st_mode) or stat.S_ISBLK(facts.st_mode):
        if not _is_mask(entry.path, facts):
            found.devices.append(entry.path)
        return
    if facts.st_mode & (stat.S_ISUID | stat.S_ISGID) and stat.S_ISREG(facts.st_mode):
        found.setuid.append(entry.path)
    if len(found.writable) < _ENOUGH and _can_write(entry.path, is_folder=False):
        found.writable.append(entry.path)


def _is_mask(path: str, facts: os.stat_result) -> bool:
    """Whether it is /dev/null, put over a file of the kernel's to hide it."""
    return path.startswith(_KERNEL) and facts.st_rdev == os.makedev(1, 3)


def _can_write(path: str, *, is_folder: bool) -> bool:
    """Whether it can really be written: opened or, for a folder, with a file made in it. Writes nothing."""
    if not os.access(path, os.W_OK):
        return False
    if path.startswith(_KERNEL):
        return True  # opening some of the kernel's files for writing does something already
    try:
        if is_folder:
            mark = Path(path) / _MARK
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            mark.unlink()
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC))
    except OSError:
        return False
    return True
