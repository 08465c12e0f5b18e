"""What lies in a workspace: which files are looked at, and why the others are not."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 1024 * 1024  # larger ones are data or made by machines; this takes seconds
MAX_LINE = 5_000  # characters of a line that detectors see: their patterns are not all linear
_SNIFF = 8 * 1024
_HISTORY = {".git", ".hg", ".svn"}


@dataclass(frozen=True, slots=True)
class Source:
    """A file to look at, or one left out with the reason."""

    path: str  # relative to the workspace, as the file system spells it
    python: bool = False
    skipped: str | None = None


def list_sources(root: Path) -> Iterator[Source]:
    """List the workspace's files in a stable order; version control data counts as one."""
    for folder, names, files in os.walk(root):
        names.sort()
        inside = os.path.relpath(folder, root)
        for name in [one for one in names if one in _HISTORY]:
            names.remove(name)
            yield Source(os.path.normpath(os.path.join(inside, name)), skipped="version control data")
        for name in sorted(files):
            yield _classify(root, os.path.normpath(os.path.join(inside, name)))


def read_text(path: Path) -> str:
    """Read a text file, whatever its encoding: what is no UTF-8 is read as Latin-1, which never fails."""
    raw = path.read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def split_lines(text: str) -> list[str]:
    """Split as editors number lines (newline, return, or both), each cut to what detectors may see."""
    return [line.rstrip("\n")[:MAX_LINE] for line in io.StringIO(text, newline=None)]


def _classify(root: Path, path: str) -> Source:
    full = os.path.join(root, path)
    try:
        size = os.lstat(full).st_size
        if size > MAX_FILE_BYTES:
            return Source(path, skipped=f"larger than {MAX_FILE_BYTES} bytes")
        with open(full, "rb") as file:
            head = file.read(_SNIFF)
    except OSError as error:
        return Source(path, skipped=f"cannot be read ({error.strerror})")
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Source(path, skipped="binary")
    script = head.startswith(b"#!") and b"python" in head.split(b"\n", 1)[0]
    return Source(path, python=script or path.endswith((".py", ".pyw", ".pyi")))
