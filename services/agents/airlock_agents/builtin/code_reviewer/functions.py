"""How complex a function is, in numbers; those of Python by its tree."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .python_code import COMPREHENSIONS, FUNCTIONS, LOOPS, Function, PythonCode

MAX_NAME = 120  # characters
_BLOCKS = (*LOOPS, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


@dataclass(frozen=True, slots=True)
class Measured:
    """One function or method, in numbers."""

    name: str
    line: int
    last_line: int
    complexity: int  # cyclomatic (McCabe): 1, and 1 for each branch, loop, handler, and/or
    arguments: int
    nesting: int | None  # levels of blocks; unknown where only tokens were counted

    @property
    def length(self) -> int:
        """Lines from its first to its last."""
        return self.last_line - self.line + 1


def measure_python(code: PythonCode) -> list[Measured]:
    """Measure every function of a Python file; one inside another is measured apart."""
    return [
        Measured(
            _qualified(code, one),
            one.lineno,
            one.end_lineno or one.lineno,
            *_branches(one),
        )
        for one in sorted(code.functions(), key=lambda each: each.lineno)
    ]


def _qualified(code: PythonCode, function: Function) -> str:
    names = [function.name]
    names += [above.name for above in code.around(function) if isinstance(above, (*FUNCTIONS, ast.ClassDef))]
    return ".".join(reversed(names))[:MAX_NAME]


def _branches(function: Function) -> tuple[int, int, int]:
    """Answer complexity, arguments and nesting of a function."""
    complexity, deepest = 1, 0
    pending: list[tuple[ast.AST, int]] = [(one, 0) for one in function.body]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            continue  # measured apart
        complexity += _decisions(node)
        inside = depth + 1 if isinstance(node, _BLOCKS) else depth
        deepest = max(deepest, inside)
        # An elif stands in the else of its if, and is no deeper for its reader.
        same = node.orelse[0] if isinstance(node, ast.If) and len(node.orelse) == 1 else None
        pending += [
            (child, depth if child is same and isinstance(child, ast.If) else inside)
            for child in ast.iter_child_nodes(node)
        ]
    given = function.args
    count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
    receiver = given.args[:1] and given.args[0].arg in ("self", "cls")
    return complexity, count - (1 if receiver else 0), deepest


def _decisions(node: ast.AST) -> int:
    if isinstance(node, (ast.If, ast.IfExp, *LOOPS, ast.ExceptHandler, ast.match_case)):
        return 1
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, COMPREHENSIONS):
        return sum(1 + len(one.ifs) for one in node.generators)
    return 0
