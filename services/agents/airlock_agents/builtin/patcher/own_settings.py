"""Whose setting a line of Python sets: an application's own, or the default that a library gives."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from .reason import Reason
from .syntax import tree_of

_CONFIG = re.compile(r"(?i)(?:\w+_)?(?:config|conf|cfg|settings)")
_FILLS = frozenset({"update", "from_mapping"})  # of Flask's config, and of every dict
_DEFAULT = Reason(
    "it may be a library's default, which is for its authors: only an application's own settings are changed"
)


def not_own(file: str, text: str, line: int) -> Reason | None:
    """Answer why a setting is left as it is, None where an application sets it for itself.

    That is so where a configuration object is filled (`app.config[...] =`, `config.update(...)`), and at the
    top of a settings module of Django's, known by its applications or URLs. Class bodies and dicts may be
    anybody's defaults.
    """
    if not file.endswith(".py"):
        return Reason("it stands in no Python file")
    tree = tree_of(text)
    if tree is None:
        return Reason("the file is not valid Python 3")
    if any(_fills_here(node, line) for node in ast.walk(tree)):
        return None
    statements = list(_at_the_top(tree.body))
    here = any(one.lineno == line for one in statements)
    return None if here and _is_settings_module(file, statements) else _DEFAULT


def _fills_here(node: ast.AST, line: int) -> bool:
    if isinstance(node, ast.Assign):
        targets = [one for one in node.targets if isinstance(one, ast.Subscript)]
        return node.lineno == line and any(_is_config(one.value) for one in targets)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILLS):
        return False
    given = [one.value for one in node.keywords]
    given += [value for one in node.args if isinstance(one, ast.Dict) for value in one.values]
    return _is_config(node.func.value) and any(one.lineno == line for one in given)


def _is_config(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return _CONFIG.fullmatch(name) is not None


def _at_the_top(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """List what runs when the module is imported, also below `if` and `try`."""
    for one in statements:
        yield one
        if isinstance(one, ast.If):
            yield from _at_the_top([*one.body, *one.orelse])
        elif isinstance(one, ast.Try):
            yield from _at_the_top([*one.body, *one.orelse, *one.finalbody])


def _is_settings_module(file: str, statements: Iterable[ast.stmt]) -> bool:
    in_settings = "settings" in PurePosixPath(file).parts[:-1]
    for one in statements:
        # settings/production.py, which goes on from settings/base.py
        if isinstance(one, ast.ImportFrom) and in_settings and any(name.name == "*" for name in one.names):
            return True
        if not isinstance(one, ast.Assign):
            continue
        names = {target.id for target in one.targets if isinstance(target, ast.Name)}
        if "ROOT_URLCONF" in names and isinstance(one.value, ast.Constant) and one.value.value:
            return True
        if "INSTALLED_APPS" in names and isinstance(one.value, ast.List | ast.Tuple) and one.value.elts:
            return True
    return False
