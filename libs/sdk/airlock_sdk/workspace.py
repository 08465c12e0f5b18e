"""A folder tree as one artifact: the same tree gives the same bytes, and unpacking trusts nobody."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from airlock_sdk import tar
from airlock_sdk.failure import WorkspaceError

MAX_BYTES = 256 * 1024 * 1024  # content of all files together: what one artifact may hold
MAX_FILES = 200_000  # files and folders together
_CHUNK = 1024 * 1024


class Sink(Protocol):
    """Anything bytes are written to."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What packing a folder will write: known before the first byte, so that it can be announced."""

    folder: Path
    entries: tuple[tar.Entry, ...]  # sorted by path
    size: int  # bytes of the whole archive
    skipped: tuple[str, ...]  # links, devices and the like, which a workspace cannot hold

    @property
    def files(self) -> int:
        """Count the regular files."""
        return sum(entry.kind == tar.FILE for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Packed:
    """What packing wrote."""

    digest: str  # sha256:<64 hex>
    size: int
    files: int
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What unpacking wrote: files, folders, and bytes of content."""

    files: int
    folders: int
    size: int


def pack(folder: str | Path, out: Sink, paths: Iterable[str] | None = None) -> Packed:
    """Write a folder as a workspace: a POSIX tar, sorted, without times and owners, streamed.

    `paths` (relative, with `/`) chooses the files; without it everything is taken. Links, devices, sockets
    and pipes are left out and named in `skipped`. Raises WorkspaceError for a path that a workspace cannot
    hold or a file that changes meanwhile, OSError for one that cannot be read.
    """
    return write(plan(folder, paths), out)


def plan(folder: str | Path, paths: Iterable[str] | None = None) -> Plan:
    """List what `pack` would write and how many bytes that makes."""
    root = Path(folder)
    skipped: list[str] = []
    names = _walk(root) if paths is None else _chosen(root, paths, skipped)
    entries: dict[bytes, tar.Entry] = {}
    size = len(tar.END)
    for name in names:
        found = os.lstat(os.path.join(root, name))
        if stat.S_ISREG(found.st_mode):
            _check_readable(os.path.join(root, name))
            entry = tar.Entry(name, tar.FILE, found.st_size, bool(found.st_mode & 0o100))
        elif stat.S_ISDIR(found.st_mode):
            entry = tar.Entry(name, tar.FOLDER, 0, True)
        else:
            skipped.append(name)
            continue
        raw = os.fsencode(name)
        tar.check_path(raw)
        if raw in entries:
            continue
        entries[raw] = entry
        if len(entries) > MAX_FILES:
            raise WorkspaceError(name, f"a workspace may have {MAX_FILES} files and folders")
        size += len(tar.encode(entry)) + entry.size + tar.padding(entry.size)
    ordered = tuple(entries[raw] for raw in sorted(entries))
    return Plan(root, ordered, size, tuple(sorted(skipped)))


def write(planned: Plan, out: Sink) -> Packed:
    """Write what was planned; raises WorkspaceError if a file is no longer as it was then."""
    digest = hashlib.sha256()

    def put(data: bytes) -> None:
        digest.update(data)
        out.write(data)

    for entry in planned.entries:
        put(tar.encode(entry))
        if entry.kind == tar.FILE:
            _copy_in(planned.folder, entry, put)
    put(tar.END)
    return Packed("sha256:" + digest.hexdigest(), planned.size, planned.files, planned.skipped)


def unpack(
    stream: tar.Source,
    folder: str | Path,
    *,
    max_bytes: int = MAX_BYTES,
    max_files: int = MAX_FILES,
) -> Unpacked:
    """Write a workspace into a new or empty folder, reading the stream once, up to its end mark.

    Raises WorkspaceError, naming the entry and the rule, for absolute paths, `..`, links, devices, pipes, a
    path twice (or as file and folder), names too long or too deep, more than `max_files` entries or
    `max_bytes` of content. What was written until then stays: the folder is the caller's to remove.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    with os.scandir(root) as found:
        occupied = any(found)
    if occupied:
        raise WorkspaceError("", "a workspace is unpacked into an empty folder")
    folders: set[str] = set()
    files = total = 0
    while (entry := tar.next_entry(stream)) is not None:
        if entry.path == ".":
            continue
        parent = entry.path if entry.kind == tar.FOLDER else os.path.dirname(entry.path)
        _make_folders(root, parent, folders)
        if entry.kind == tar.FILE:
            files += 1
            total += entry.size
            if total > max_bytes:
                raise WorkspaceError(entry.path, f"a workspace may hold {max_bytes} bytes")
            _copy_out(stream, root, entry)
        if files + len(folders) > max_files:
            raise WorkspaceError(entry.path, f"a workspace may have {max_files} files and folders")
    return Unpacked(files, len(folders), total)


def _check_readable(path: str) -> None:
    """Refuse it now: once the whole was announced, half of it cannot be taken back."""
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _walk(root: Path) -> Iterator[str]:
    pending = [""]
    while pending:
        inside = pending.pop()
        with os.scandir(os.path.join(root, inside)) as found:
            for item in found:
                name = os.path.join(inside, item.name)
                yield name
                if item.is_dir(follow_symlinks=False):
                    pending.append(name)


def _chosen(root: Path, paths: Iterable[str], skipped: list[str]) -> Iterator[str]:
    """The chosen files with the folders above them; a file below a linked folder is not inside this tree."""
    real: dict[str, bool] = {"": True}
    for path in paths:
        name = tar.check_path(os.fsencode(path))
        above = os.path.dirname(name)
        for parent in _parents(above):
            if parent not in real:
                inside = real[os.path.dirname(parent)]
                real[parent] = inside and stat.S_ISDIR(os.lstat(os.path.join(root, parent)).st_mode)
                if real[parent]:
                    yield parent
        if not real[above]:
            skipped.append(name)
        elif name != ".":
            yield name


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/") if path else []
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])


def _make_folders(root: Path, path: str, known: set[str]) -> None:
    if path in known:
        return
    for parent in _parents(path):
        if parent in known:
            continue
        try:
            os.mkdir(os.path.join(root, parent), 0o755)
        except FileExistsError as error:
            raise WorkspaceError(parent, "a path may not be a file and a folder") from error
        known.add(parent)


def _copy_out(stream: tar.Source, root: Path, entry: tar.Entry) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(os.path.join(root, entry.path), flags, 0o755 if entry.executable else 0o644)
    except FileExistsError as error:
        raise WorkspaceError(entry.path, "a path may stand in a workspace once") from error
    with os.fdopen(fd, "wb", buffering=0) as out:
        left = entry.size
        while left:
            data = tar.read_exactly(stream, min(left, _CHUNK))
            view = memoryview(data)
            while view:
                view = view[out.write(view) :]
            left -= len(data)
    tar.read_exactly(stream, tar.padding(entry.size))


def _copy_in(root: Path, entry: tar.Entry, put: Callable[[bytes], None]) -> None:
    fd = os.open(os.path.join(root, entry.path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(fd, "rb", buffering=0) as source:
        left = entry.size
        while left:
            data = source.read(min(left, _CHUNK))
            if not data:
                raise WorkspaceError(entry.path, "the file became shorter while it was packed")
            put(data)
            left -= len(data)
        if source.read(1):
            raise WorkspaceError(entry.path, "the file became longer while it was packed")
    put(bytes(tar.padding(entry.size)))
