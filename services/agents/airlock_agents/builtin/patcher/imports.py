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

MAX_FILES = 50_000  # that are read for what they import
_MAX_BYTES = 1024 * 1024  # of one of them
_FROM = re.compile(
    r"(?m)^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]{0,5000}|(?:[^\n\\]|\\\n){0,2000})"
)
_NAME = re.compile(r"[^\W\d]\w*|\*")
_AS = re.compile(r"[ \t]as[ \t]+\w+")
_COMMENT = re.compile(r"#[^\n]*")
# How people say that a name is there for others.
_KEPT = re.compile(r"(?i)#.*(?:re-?export|compat|\bnoqa\b|\bpublic\b|\bapi\b|\bkeep\b|\bkept\b|side.effect)")
_ABOVE = 3  # lines above an import in which such a comment may stand

Imported = Mapping[tuple[str, str], str]  # (module's last name, name in it) to a file that takes it


def module_of(file: str) -> str:
    """Answer the last name of a file's module; a package's is its folder's."""
    path = PurePosixPath(file)
    return path.parent.name if path.stem == "__init__" else path.stem


def imported(root: Path, modules: Collection[str], *, memory: int) -> Imported:
    """Read which names the workspace's files take from modules of such names, in a child process."""

    def names(file: str) -> list[tuple[str, str]]:
        full = root / file
        if full.is_symlink() or full.stat().st_size > _MAX_BYTES:
            return []
        return sorted(taken(file, full.read_text("utf-8", "replace"), modules))

    def none(file: str, reason: str) -> list[tuple[str, str]]:
        return []

    files = list(_python_files(root))
    found: dict[tuple[str, str], str] = {}
    for file, pairs in zip(files, isolate.each(names, files, none, memory=memory), strict=True):
        for pair in pairs:
            found.setdefault(pair, file)
    return found


def taken(file: str, text: str, modules: Collection[str]) -> set[tuple[str, str]]:
    """Answer what a file's text takes from modules of such names: imported, or behind a dot; `*` is all."""
    found = set()
    for one in _FROM.finditer(text):
        # `from . import name` takes it from the package the file lies in.
        module = one[1].rpartition(".")[2] or PurePosixPath(file).parent.name
        if module in modules:
            listed = _AS.sub("", _COMMENT.sub("", one[2].lstrip("(")))
            found |= {(module, name) for name in _NAME.findall(listed)}
    dotted = "|".join(map(re.escape, sorted(modules)))
    found |= {(one[1], one[2]) for one in re.finditer(rf"\b({dotted})\.(\w+)", text)} if dotted else set()
    return found


def needed_elsewhere(file: str, text: str, edit: LineEdit, others: Imported) -> Reason | None:
    """Answer why an edit must not take an import away, None where it takes none, or one that nobody needs."""
    lost = _lost(text, edit)
    if not lost:
        return None
    if PurePosixPath(file).stem == "__init__":
        return Reason("a package's __init__ imports for those who import the package")
    lines = text.split("\n")
    if any(_KEPT.search(line) for line in lines[max(0, edit.start - 1 - _ABOVE) : edit.end]):
        return Reason("a comment says that the import is there for others")
    exported = _exported(text)
    module = module_of(file)
    for name in sorted(lost):
        if name in exported:
            return Reason(f"__all__ names {one_line(name, 80)}")
        user = others.get((module, name)) or others.get((module, "*"))
        if user is not None and user != file:
            return Reason(f"{one_line(user, 120)} takes {one_line(name, 80)} from here")
    return None


def _lost(text: str, edit: LineEdit) -> set[str]:
    """Answer the names that the file no longer imports after an edit."""
    lines = text.split("\n")
    changed = [*lines[: edit.start - 1], *([edit.text] if edit.text else []), *lines[edit.end :]]
    before, after = _bound(text), _bound("\n".join(changed))
    return set() if after is None or before is None else set(before - after)


def _bound(text: str) -> Counter[str] | None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # put_lines says so
    imports = [one for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom)]
    return Counter(name.asname or name.name.partition(".")[0] for one in imports for name in one.names)


def _exported(text: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Assign(targets=[*targets], value=value):
                pass
            case ast.AugAssign(target=target, value=value):
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
