"""What a Python file takes from modules of given names: by imports, behind a dot, or by a name as a text."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from .syntax import tree_of

Taken = tuple[str, str]  # a module's last name, and a name in it; `*` is all

# Imports of files that are no Python 3, with comments between the parentheses.
_FROM = re.compile(
    r"(?m)^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(\((?:[^)#]|#[^\n]*){0,5000}|(?:[^\n\\]|\\\n){0,2000})"
)
_NAME = re.compile(r"[^\W\d]\w*|\*")
_AS = re.compile(r"[ \t]as[ \t]+\w+")
_COMMENT = re.compile(r"#[^\n]*")
_DOTTED = re.compile(r"\b(\w+)(?=\.(\w+))")
_WORD = re.compile(r"\w+")


def taken(file: str, text: str, modules: Collection[str]) -> set[Taken]:
    """Answer what a file's text takes from modules of such names.

    A name behind a dot counts wherever it stands, in strings too (`patch("shop.orders.errors")`).
    """
    wanted = frozenset(modules)
    folders = [parent.name for parent in PurePosixPath(file).parents]
    if wanted.isdisjoint(folders) and wanted.isdisjoint(_WORD.findall(text)):
        return set()
    found = {(one[1], one[2]) for one in _DOTTED.finditer(text) if one[1] in wanted}
    tree = tree_of(text)
    if tree is None:
        return found | _by_words(text, folders, wanted)
    aliases = _aliases(tree, wanted)
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom():
                module = _module(node, folders)
                found |= {(module, one.name) for one in node.names if module in wanted}
            case ast.Attribute(value=value, attr=name):
                found |= {(module, name) for module in _meant(value, aliases, wanted)}
            case ast.Call(args=[value, ast.Constant(value=str(name)), *_]):
                # patch.object(module, "name") and monkeypatch.setattr(module, "name", ...)
                found |= {(module, name) for module in _meant(value, aliases, wanted)}
    return found


def _module(node: ast.ImportFrom, folders: list[str]) -> str:
    """Answer the last name of the module that is imported from; `from . import name`: of the folder's."""
    if node.module:
        return node.module.rpartition(".")[2]
    return folders[node.level - 1] if node.level <= len(folders) else ""


def _aliases(tree: ast.Module, wanted: frozenset[str]) -> dict[str, set[str]]:
    """Answer what else the modules are called in the file, in whatever part of it."""
    aliases: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for one in node.names:
                if one.asname is not None and (module := one.name.rpartition(".")[2]) in wanted:
                    aliases.setdefault(one.asname, set()).add(module)
    return aliases


def _meant(value: ast.expr, aliases: Mapping[str, set[str]], wanted: frozenset[str]) -> set[str]:
    """Answer the modules that an expression may be."""
    match value:
        case ast.Name(id=name):
            return aliases.get(name, set()) | ({name} & wanted)
        case ast.Attribute(attr=name):
            return {name} & wanted
        case _:
            return set()


def _by_words(text: str, folders: list[str], wanted: frozenset[str]) -> set[Taken]:
    """Read the imports of a file that is no Python 3."""
    found = set()
    for one in _FROM.finditer(text):
        module = one[1].rpartition(".")[2] or folders[0]
        if module in wanted:
            listed = _AS.sub("", _COMMENT.sub("", one[2].lstrip("(")))
            found |= {(module, name) for name in _NAME.findall(listed)}
    return found
