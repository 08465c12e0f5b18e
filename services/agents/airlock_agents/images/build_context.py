"""What of an author's folder goes into a build: `.dockerignore` obeyed, and bounded."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from docker.utils import create_archive, exclude_paths

from .image_files import read_whole
from .packages import BuildProblem

MAX_CONTEXT_BYTES = 256 * 1024 * 1024
MAX_CONTEXT_FILES = 20_000
DOCKERFILE = "Dockerfile"
_MAX_IGNORE_BYTES = 64 * 1024
_LEFT_OUT = (
    ".git",
    ".venv",
    "node_modules",
    "**/__pycache__",
    "**/.pytest_cache",
    "**/.mypy_cache",
    "**/.ruff_cache",
)
"""Before the folder's own rules, so that a line with `!` brings one back."""


@dataclass(frozen=True)
class Context:
    """A folder, packed for the engine; whoever reads `archive` closes it."""

    archive: IO[bytes]
    files: int
    size: int
    """Bytes of the files."""


def pack_context(folder: Path) -> Context:
    """Pack what a build may see of a folder. Raises BuildProblem."""
    if not (folder / DOCKERFILE).is_file():
        raise BuildProblem(f"{folder} has no {DOCKERFILE}")
    root = str(folder)
    names = sorted(exclude_paths(root, [*_LEFT_OUT, *_ignored(folder)], dockerfile=DOCKERFILE))
    if len(names) > MAX_CONTEXT_FILES:
        raise BuildProblem(
            f"{folder} has over {MAX_CONTEXT_FILES} files: name in .dockerignore what the image does not need"
        )
    size = 0
    for name in names:
        path = folder / name
        if path.is_file() and not path.is_symlink():
            size += path.stat().st_size
    if size > MAX_CONTEXT_BYTES:
        raise BuildProblem(
            f"{folder} has {size // 1024**2} MiB, more than {MAX_CONTEXT_BYTES // 1024**2}: "
            "name in .dockerignore what the image does not need"
        )
    archive = tempfile.TemporaryFile()
    try:
        create_archive(root, names, fileobj=archive)
    except OSError as error:
        archive.close()
        raise BuildProblem(f"{folder} cannot be packed: {error}") from error
    archive.seek(0)
    return Context(archive=archive, files=len(names), size=size)


def _ignored(folder: Path) -> list[str]:
    path = folder / ".dockerignore"
    if not path.is_file():
        return []
    text = read_whole(path, _MAX_IGNORE_BYTES).decode("utf-8", "replace")
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
