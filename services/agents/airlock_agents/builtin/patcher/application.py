"""Applying a diff: read by our own grammar, made line by line, and made once more by git; both must agree.

Git works in a scratch tree that holds the touched files and nothing else. Nothing of the workspace steers it
there: no repository, no configuration, no attributes, no hooks.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airlock_sdk import Failure

from .grammar import read
from .patch import Section
from .refusal import does_not_apply, refused
from .tree import File, put_files, read_touched, write

_TIMEOUT_SECONDS = 120
_MAX_STDERR = 2000


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying did: the files it changed, and the diff that takes it back."""

    changed: tuple[str, ...]
    rollback: bytes


def apply(diff: str, root: Path, scratch: Path) -> Applied:
    """Apply a diff to the tree at `root`, all of it or nothing; every line stands exactly where it says.

    Raises Failure `agent.diff_refused` for one that does what it may not, `agent.diff_does_not_apply` for
    one that was made for another tree.
    """
    sections = read(diff)
    before = read_touched(root, sections)
    after = {section.path: _after(section, before[section.path]) for section in sections}
    _check_folders(sections, after)
    _compare_with_git(diff, before, after, scratch / "apply")
    changed = {path: after[path] for path in sorted(after) if before[path] != after[path]}
    try:
        put_files(root, changed)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        first = sections[0]
        why = "a file would stand where the workspace has a folder, or the other way round"
        raise does_not_apply(why, line=first.line, file=first.path) from error
    return Applied(tuple(changed), _rollback(sections, before))


def _after(section: Section, file: File | None) -> File | None:
    content = section.applied(file.content if file is not None else None)
    if content is None:
        return None
    return File(content, file.executable if file is not None else bool(section.executable))


def _check_folders(sections: Sequence[Section], after: dict[str, File | None]) -> None:
    """Refuse a file below another file of the same diff, before anything is written."""
    for section in sections:
        if after[section.path] is None:
            continue
        parts = section.path.split("/")
        for count in range(1, len(parts)):
            if after.get("/".join(parts[:count])) is not None:
                why = "a file would stand below another file"
                raise does_not_apply(why, line=section.line, file=section.path)


def _rollback(sections: Sequence[Section], before: dict[str, File | None]) -> bytes:
    """Spell the diff back, in the order of the paths."""
    back = []
    for section in sections:
        file = before[section.path]
        executable = file.executable if file is not None else bool(section.executable)
        back.append(section.reversed(executable=executable))
    return b"".join(one.spelled() for one in sorted(back, key=lambda one: one.path))


def _compare_with_git(
    diff: str, before: dict[str, File | None], after: dict[str, File | None], tree: Path
) -> None:
    tree.mkdir()
    for path, file in before.items():
        if file is not None:
            write(tree, path, file)
    _git_apply(diff, tree)
    if _plain_files(tree) != {path: file for path, file in after.items() if file is not None}:
        raise refused("git-differs", line=1)
    shutil.rmtree(tree)


def _git_apply(diff: str, tree: Path) -> None:
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": os.devnull,  # what lies in a home is obeyed: .config/git/attributes, in older gits .gitconfig
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
        raise Failure("agent.diff_does_not_apply", "git does not take the diff", details={"git": said})


def _plain_files(tree: Path) -> dict[str, File]:
    """Read what git left; raises Failure for anything that is neither a plain file nor a folder."""
    found: dict[str, File] = {}
    for folder, names, files in os.walk(tree):
        for name in (*names, *files):
            full = Path(folder, name)
            mode = full.lstat().st_mode
            if stat.S_ISREG(mode):
                found[str(full.relative_to(tree))] = File(full.read_bytes(), bool(mode & 0o100))
            elif not stat.S_ISDIR(mode):
                raise refused("git-differs", line=1, more=f"it made {name!r}, which is no plain file")
    return found
