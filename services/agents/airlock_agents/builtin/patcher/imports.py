"""Imports that look unused in their file and are used all the same, by those that import the file."""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from airlock_sdk import isolate
from airlock_sdk.printable import one_line

from .line_edits import LineEdit
from .reason import Reason
from .syntax import tree_of
from .taken import Taken, taken

MAX_FILES = 50_000  # that are read for what they import
_MAX_BYTES = 1024 * 1024  # of one of them
# How people say that a name is there for others.
_KEPT = re.compile(r"(?i)#.*(?:re-?export|compat|\bnoqa\b|\bpublic\b|\bapi\b|\bkeep\b|\bkept\b|side.effect)")
_ABOVE = 3  # lines above an import in which such a comment may stand

Imported = Mapping[Taken, list[str]]  # and the first two files that take it: one may be the module itself


def module_of(file: str) -> str:
    """Answer the last name of a file's module; a package's is its folder's."""
    path = PurePosixPath(file)
    return path.parent.name if path.stem == "__init__" else path.stem


def imported(root: Path, modules: Collection[str], *, memory: int) -> Imported:
    """Read which names the workspace's files take from modules of such names, in a child process."""

    def names(file: str) -> list[Taken]:
        full = root / file
        if full.is_symlink() or full.stat().st_size > _MAX_BYTES:
            return []
        return sorted(taken(file, full.read_text("utf-8-sig", "replace"), modules))

    def none(file: str, reason: str) -> list[Taken]:
        return []

    files = list(_python_files(root))
    found: dict[Taken, list[str]] = {}
    for file, pairs in zip(files, isolate.each(names, files, none, memory=memory), strict=True):
        for pair in pairs:
            users = found.setdefault(pair, [])
            if len(users) < 2:
                users.append(file)
    return found


def needed_elsewhere(file: str, text: str, edit: LineEdit, others: Imported) -> Reason | None:
    """Answer why an edit must not take an import away, None where it takes none, or one that nobody needs."""
    before, after = tree_of(text), tree_of(_edited(text, edit))
    if before is None:
        return Reason("the file is not valid Python 3")
    lost = _bound(before) - _bound(after) if after is not None else None
    if not lost:
        return None  # without a tree: put_lines says so
    if PurePosixPath(file).stem == "__init__":
        return Reason("a package's __init__ imports for those who import the package")
    lines = text.split("\n")
    if any(_KEPT.search(line) for line in lines[max(0, edit.start - 1 - _ABOVE) : edit.end]):
        return Reason("a comment says that the import is there for others")
    exported = _exported(before)
    module = module_of(file)
    for name in sorted(lost):
        if name in exported:
            return Reason(f"__all__ names {one_line(name, 80)}")
        users = [*others.get((module, name), ()), *others.get((module, "*"), ())]
        user = next((one for one in users if one != file), None)
        if user is not None:
            return Reason(f"{one_line(user, 120)} takes {one_line(name, 80)} from here")
    return None


def _edited(text: str, edit: LineEdit) -> str:
    lines = text.split("\n")
    return "\n".join([*lines[: edit.start - 1], *([edit.text] if edit.text else []), *lines[edit.end :]])


def _bound(tree: ast.Module) -> Counter[str]:
    imports = [one for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom)]
    return Counter(name.asname or name.name.partition(".")[0] for one in imports for name in one.names)


def _exported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[*targets], value=value):
                pass
            case (
                ast.AugAssign(target=target, value=value)
                | ast.AnnAssign(target=target, value=ast.expr() as value)
            ):
                targets = [target]
            case ast.Call(func=ast.Attribute(value=target), args=[value]):  # __all__.extend([...])
                targets = [target]
            case _:
                continue
        if any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets):
            strings = [one.value for one in ast.walk(value) if isinstance(one, ast.Constant)]
            found.update(one for one in strings if isinstance(one, str))
    return found


def _python_files(root: Path) -> Iterator[str]:
    count = 0
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name != ".git")
        for name in sorted(files):
            if name.endswith((".py", ".pyi")):
                if (count := count + 1) > MAX_FILES:
                    return
                yield os.path.relpath(os.path.join(folder, name), root)
