"""Applying a diff with git, in a scratch tree that holds the touched files and nothing else.

Nothing of the workspace steers git there: no repository, no configuration, no attributes, no hooks.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from airlock_sdk import Failure

from .diff import file_diff
from .policy import Touched, check

_TIMEOUT_SECONDS = 120
_MAX_STDERR = 2000


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying did: the files it changed, and the diff that takes it back."""

    changed: tuple[str, ...]
    rollback: bytes


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    executable: bool


def apply(diff: str, root: Path, scratch: Path) -> Applied:
    """Apply a diff to the tree at `root`, all of it or nothing.

    Raises Failure `agent.diff_refused` for one that does what it may not, `agent.diff_does_not_apply` for
    one that was made for another tree.
    """
    touched = check(diff)
    before = {path: _read(root, path) for path in touched.all}
    tree = scratch / "apply"
    tree.mkdir()
    for path, file in before.items():
        if file is not None:
            _write(tree, path, file)
    _git_apply(diff, tree)
    after = {path: _read(tree, path) for path in touched.all}
    _check_tree(tree, touched)
    changed = [path for path in touched.all if before[path] != after[path]]
    for path in changed:
        _remove(root, path)
    try:
        for path in changed:
            if (file := after[path]) is not None:
                _write(root, path, file)
    except (FileExistsError, NotADirectoryError) as error:
        message = "the diff puts a file where the workspace has another file as a folder's name"
        raise Failure("agent.diff_does_not_apply", message) from error
    shutil.rmtree(tree)
    return Applied(tuple(changed), b"".join(_back(path, after[path], before[path]) for path in changed))


def _git_apply(diff: str, tree: Path) -> None:
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(tree),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(tree.parent),  # no repository above is looked for
        "GIT_TERMINAL_PROMPT": "0",
    }
    command = ["git", "-c", "core.symlinks=false", "apply", "--whitespace=nowarn", "-p1", "-"]
    try:
        done = subprocess.run(  # noqa: S603 -- the fixed command above
            command,
            cwd=tree,
            env=environment,
            input=diff.encode("utf-8"),
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failure("agent.git_timeout", f"git took longer than {_TIMEOUT_SECONDS} s") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()[:_MAX_STDERR]
        message = "the diff does not fit this workspace"
        raise Failure("agent.diff_does_not_apply", message, details={"git": said})


def _check_tree(tree: Path, touched: Touched) -> None:
    """Trust, but look: after git, the scratch tree holds plain files that the diff named, and folders."""
    for folder, names, files in os.walk(tree):
        inside = os.path.relpath(folder, tree)
        for name in files:
            path = os.path.normpath(os.path.join(inside, name))
            if path not in touched.writes and path not in touched.reads:
                raise Failure("agent.diff_refused", f"git wrote {path!r}, which the diff does not name")
        for name in (*names, *files):
            mode = os.lstat(os.path.join(folder, name)).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise Failure("agent.diff_refused", f"git made {name!r}, which is no plain file")


def _read(root: Path, path: str) -> _File | None:
    full = root / path
    try:
        found = os.lstat(full)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise Failure("agent.diff_refused", f"{path!r} is a folder, or no plain file")
    return _File(full.read_bytes(), bool(found.st_mode & 0o100))


def _write(root: Path, path: str, file: _File) -> None:
    full = root / path
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_bytes(file.content)
    full.chmod(0o755 if file.executable else 0o644)


def _remove(root: Path, path: str) -> None:
    """Remove a file, and the folders that it leaves empty, as git does."""
    full = root / path
    if not full.exists():
        return
    full.unlink()
    for parent in full.parents:
        if parent == root or any(parent.iterdir()):
            return
        parent.rmdir()


def _back(path: str, after: _File | None, before: _File | None) -> bytes:
    executable = before.executable if before is not None else after is not None and after.executable
    text = file_diff(path, _text(after), _text(before), executable=executable)
    return text.encode("utf-8", "surrogateescape")


def _text(file: _File | None) -> str | None:
    # Bytes that are no UTF-8 pass through unharmed (PEP 383).
    return None if file is None else file.content.decode("utf-8", "surrogateescape")
