"""Real repositories, made by git itself, for tests of what is packed."""

import os
import subprocess
from pathlib import Path

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", folder, *arguments], check=True, capture_output=True, text=True, env=_ENVIRONMENT
    )
    return done.stdout


def put(folder: Path, name: str, text: str = "") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def work_tree(folder: Path, *names: str, options: tuple[str, ...] = ()) -> None:
    """A repository that tracks those files, whatever its `.gitignore` says."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", *options)
    for name in names:
        put(folder, name, name)
    git(folder, "add", "--force", "--", *names)


def tracked_by_git(folder: Path) -> set[str]:
    return set(git(folder, "ls-files", "-z").split("\0")) - {""}
