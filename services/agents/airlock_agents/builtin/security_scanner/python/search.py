"""The rules of our own for one Python file, and which of bandit's findings can be disproved."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .flow import scopes, walk
from .sinks import CHECKS, returned_markup
from .values import Value, value_of


@dataclass(frozen=True, slots=True)
class Searched:
    """What a Python file gave: rules with their lines, and lines whose SQL holds nothing but fixed values."""

    hits: tuple[tuple[str, int], ...]
    fixed_sql: frozenset[int]


def search_python(text: str) -> Searched:
    """Look at a Python file. Raises SyntaxError, ValueError or RecursionError for what cannot be parsed."""
    module = ast.parse(text)
    hits: dict[tuple[str, int], None] = {}
    fixed: set[int] = set()
    built: set[int] = set()
    for scope in scopes(module):
        for seen in walk(scope):
            if seen.returned:
                found = [*returned_markup(seen)]
            else:
                assert isinstance(seen.node, ast.Call)
                found = [one for check in CHECKS for one in check(seen, seen.node)]
                for argument in seen.node.args:
                    lines = _sql(argument, seen.built)
                    spelled = _of(argument, seen.built)
                    worth = max(value_of(argument, seen.names), value_of(spelled, seen.names))
                    (fixed if worth is Value.FIXED else built).update(lines)
            hits |= dict.fromkeys((rule, max(1, node.lineno)) for rule, node in found)
    return Searched(tuple(hits), frozenset(fixed - built))


def _of(node: ast.expr, built: dict[str, ast.expr]) -> ast.expr:
    return built.get(node.id, node) if isinstance(node, ast.Name) else node


def _sql(node: ast.expr, built: dict[str, ast.expr]) -> range:
    spelled = _of(node, built)
    if isinstance(spelled, ast.JoinedStr | ast.BinOp | ast.Call):
        return range(spelled.lineno, (spelled.end_lineno or spelled.lineno) + 1)
    return range(0)
