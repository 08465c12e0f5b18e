"""What goes into an image: files read from folders, hashed, and packed for the engine."""

import hashlib
import io
import tarfile
from pathlib import Path

from .packages import BuildProblem

_RECIPE = 1
"""Raise it when the way an image is put together changes: all are built again."""
_SKIPPED = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})


def read_whole(path: Path, limit: int) -> bytes:
    """Read a file of at most so many bytes. Raises BuildProblem: half of one would be another file."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise BuildProblem(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise BuildProblem(f"{path} is larger than {limit // 1024} KiB")
    return data


def read_tree(folder: Path, prefix: str) -> dict[str, bytes]:
    """Read a folder's files, named as they are to stand in the image."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not _SKIPPED.intersection(relative.parts) and path.suffix != ".pyc":
            found[f"{prefix}/{relative.as_posix()}"] = path.read_bytes()
    return found


def content_hash(files: dict[str, bytes], base: str) -> str:
    """Hash all that goes into an image."""
    digest = hashlib.sha256(f"airlock-image-{_RECIPE}\n{base}\n".encode())
    for name in sorted(files):
        digest.update(f"{name}\n{len(files[name])}\n".encode())
        digest.update(files[name])
    return digest.hexdigest()


def pack(files: dict[str, bytes]) -> io.BytesIO:
    """Pack files for a build; packages' programs stay executable."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            entry.mode = 0o755 if name.startswith("site/bin/") else 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
    buffer.seek(0)
    return buffer
