"""The files of a workspace that a diff touches: read and written without following anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from .patch import Section
from .paths import folded, parents
from .refusal import does_not_apply, refused

MAX_FILE_BYTES = (
    8 * 1024 * 1024
)  # of a file that is patched: larger ones are data, and nobody reads their diff
MAX_TREE_BYTES = 64 * 1024 * 1024  # of all touched files together: they are held in memory, twice


@dataclass(frozen=True, slots=True)
class File:
    """A plain file."""

    content: bytes
    executable: bool


def read_touched(root: Path, sections: Sequence[Section]) -> dict[str, File | None]:
    """Read every file that a diff names, None for one that is not there.

    Raises Failure `agent.diff_refused` for links (also above the file), folders, files too large, and a new
    name that the workspace holds in another case.
    """
    found: dict[str, File | None] = {}
    going = {section.path for section in sections if not section.will_be}
    left = MAX_TREE_BYTES
    for section in sections:
        _check_parents(root, section, going)
        file = None if _becomes_file(root, section, going) else _read(root, section, left)
        found[section.path] = file
        left -= len(file.content) if file is not None else 0
        if file is None:
            _check_case(root, section)
        elif section.executable not in (None, file.executable):
            raise refused("mode", line=section.line, file=section.path)
    return found


def put_files(root: Path, files: dict[str, File | None]) -> None:
    """Write these files, and remove those that are None, with the folders that this leaves empty."""
    for path in files:
        _remove(root, path)
    for path, file in files.items():
        if file is not None:
            write(root, path, file)


def write(root: Path, path: str, file: File) -> None:
    """Write one file, with the folders above it; never through a link, for there must be nothing there."""
    full = root / path
    full.parent.mkdir(parents=True, exist_ok=True)
    with full.open("xb") as out:
        out.write(file.content)
    full.chmod(0o755 if file.executable else 0o644)


def _read(root: Path, section: Section, left: int) -> File | None:
    full = root / section.path
    try:
        found = os.lstat(full)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(found.st_mode):
        raise does_not_apply("it is a folder", line=section.line, file=section.path)
    if not stat.S_ISREG(found.st_mode):
        raise refused("link", line=section.line, file=section.path)
    if found.st_size > min(MAX_FILE_BYTES, left):
        more = f"{MAX_FILE_BYTES} bytes each, {MAX_TREE_BYTES} together"
        raise refused("too-large", line=section.line, file=section.path, more=more)
    return File(full.read_bytes(), bool(found.st_mode & 0o100))


def _becomes_file(root: Path, section: Section, going: Set[str]) -> bool:
    """Tell whether the diff makes a file of a folder, all of whose files it removes."""
    full = root / section.path
    if section.was or full.is_symlink() or not full.is_dir():
        return False
    return all(
        os.path.relpath(os.path.join(folder, name), root) in going
        for folder, _, files in os.walk(full)
        for name in files
    )


def _check_parents(root: Path, section: Section, going: Set[str]) -> None:
    for parent in parents(section.path):
        try:
            mode = os.lstat(root / parent).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return
        if stat.S_ISREG(mode) and parent not in going:
            raise does_not_apply(
                "a file would stand below another file", line=section.line, file=section.path
            )
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            raise refused("link", line=section.line, file=section.path)


def _check_case(root: Path, section: Section) -> None:
    """Look for what the new file, or a folder above it, would hide on a disk that knows no cases."""
    for path in (*parents(section.path), section.path):
        folder, name = os.path.split(path)
        try:
            names = os.listdir(root / folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        if name not in names and folded(name) in {folded(one) for one in names}:
            raise refused("case", line=section.line, file=section.path)


def _remove(root: Path, path: str) -> None:
    full = root / path
    if not full.is_file():
        return
    full.unlink()
    for parent in full.parents:
        if parent == root or any(parent.iterdir()):
            return
        parent.rmdir()
