"""Which files declare dependencies, how each kind is read, and which lock files are made from it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..reason import Reason
from . import package_json, requirements_file, setup_cfg, setup_script, toml_file
from .bump import Bump, Ecosystem

MAX_MANIFESTS = 200  # looked at for a name that came without a file
_REQUIREMENTS = re.compile(r"(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.(?:txt|in)")
_SCRIPT = "setup.py"  # read for what it requires, never changed
_OTHERS = {"node_modules", "venv", "site-packages", "vendor", "__pycache__"}  # dot folders are skipped too

# What a tool makes from a manifest of that name, and how it is made anew.
_LOCKS = {
    "pyproject.toml": {"poetry.lock": "poetry lock", "uv.lock": "uv lock", "pdm.lock": "pdm lock"},
    "Pipfile": {"Pipfile.lock": "pipenv lock"},
    "package.json": {
        "package-lock.json": "npm install --package-lock-only",
        "npm-shrinkwrap.json": "npm install --package-lock-only",
        "yarn.lock": "yarn install",
        "pnpm-lock.yaml": "pnpm install --lockfile-only",
        "bun.lock": "bun install --lockfile-only",
        "bun.lockb": "bun install --lockfile-only",
    },
}


@dataclass(frozen=True, slots=True)
class Lock:
    """A file that another tool makes from a manifest, and that a bump leaves behind."""

    file: str
    because: str  # the manifest
    command: str


def ecosystem_of(file: str) -> Ecosystem | None:
    """Answer whose dependencies a file of that name declares, None for no manifest."""
    folder, name = os.path.split(file)
    if name == "package.json":
        return "npm"
    if name in ("pyproject.toml", "setup.cfg", "Pipfile") or _REQUIREMENTS.fullmatch(name):
        return "python"
    listed = os.path.basename(folder) == "requirements" and name.endswith((".txt", ".in"))
    return "python" if listed else None


def may_require(name: str) -> bool:
    """Tell whether a file of that name says which Python packages a program needs."""
    return name == _SCRIPT or (ecosystem_of(name) == "python" and "constraints" not in name)


def find_manifests(root: Path) -> Iterator[str]:
    """List the manifests of a workspace, those of installed packages left out, at most MAX_MANIFESTS."""
    count = 0
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in _OTHERS and not name.startswith("."))
        for name in sorted(files):
            file = os.path.relpath(os.path.join(folder, name), root)
            if ecosystem_of(file) is not None and not os.path.islink(os.path.join(folder, name)):
                count += 1
                if count > MAX_MANIFESTS:
                    return
                yield file


def declared(file: str, text: str) -> list[str]:
    """List the names that a manifest declares; none for one that cannot be read, or was made from another."""
    name = os.path.basename(file)
    try:
        if name == _SCRIPT:
            return setup_script.declared(text)
        if name == "package.json":
            return package_json.declared(text)
        if name in ("pyproject.toml", "Pipfile"):
            return toml_file.declared(text, pipfile=name == "Pipfile")
    except ValueError:
        return []
    if name == "setup.cfg":
        return setup_cfg.declared(text)
    made = not _is_source(name) and requirements_file.was_made(text)
    return [] if made else requirements_file.declared(text)


def raised(file: str, text: str, bump: Bump) -> str | Reason:
    """Answer a manifest with the dependency raised, or why it is left as it is."""
    name = os.path.basename(file)
    result: str | Reason | None
    if ecosystem_of(file) is None:
        return Reason("it is none of the files whose dependencies can be raised")
    if name == "package.json":
        result = package_json.raised(text, bump)
    elif name in ("pyproject.toml", "Pipfile"):
        result = toml_file.raised(text, bump, pipfile=name == "Pipfile")
    elif name == "setup.cfg":
        result = setup_cfg.raised(text, bump)
    else:
        result = requirements_file.raised(text, bump, source=_is_source(name))
    return Reason("the file does not declare it") if result is None else result


def locks_of(root: Path, manifest: str) -> list[Lock]:
    """List the lock files that are made from a manifest: beside it, or above it (workspaces)."""
    folder, name = os.path.split(manifest)
    found = []
    for above in _upwards(folder):
        for lock, command in _LOCKS.get(name, {}).items():
            file = os.path.join(above, lock)
            if (root / file).is_file():
                found.append(Lock(file, manifest, command))
    made = os.path.join(folder, f"{name.removesuffix('.in')}.txt")
    if _is_source(name) and (root / made).is_file():
        command = f"pip-compile {name}, or uv pip compile {name} -o {os.path.basename(made)}"
        found.append(Lock(made, manifest, command[:200]))
    return found


def _is_source(name: str) -> bool:
    return name.endswith(".in")


def _upwards(folder: str) -> Iterator[str]:
    yield folder
    while folder:
        folder = os.path.dirname(folder)
        yield folder
