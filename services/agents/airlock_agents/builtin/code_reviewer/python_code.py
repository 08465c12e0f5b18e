"""A Python file as checks want it: parsed once, its nodes by kind, and what stands around each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

from ..findings.severities import Severity

Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
Assigned = dict[str, list[ast.Assign | ast.AnnAssign]]
Node = TypeVar("Node", bound=ast.AST)

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

_MAX_ASSIGNED = 20  # a name that is set more often is none that a check can speak of


class Unparsable(Exception):
    """The text is no Python that this interpreter can read; the message says why."""


class PythonCode:
    """The tree of a file; every walk is a loop, so depth costs no stack."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError) as error:
            raise Unparsable("not valid Python") from error
        except (RecursionError, MemoryError) as error:  # the parser says so of its own stack, too
            raise Unparsable("nested too deeply") from error
        self._parents: dict[ast.AST, ast.AST] = {}
        self._parts: dict[Function, list[ast.AST]] = {}
        self._assigned: dict[Function, Assigned] = {}
        self._by_kind: dict[type[ast.AST], list[ast.AST]] = {}
        pending: list[ast.AST] = [self.tree]
        while pending:
            node = pending.pop()
            self._by_kind.setdefault(type(node), []).append(node)
            for child in ast.iter_child_nodes(node):
                if not isinstance(
                    child, (ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)
                ):
                    self._parents[child] = node
                    pending.append(child)

        self._imported = dict(self._imports())

    def _imports(self) -> Iterator[tuple[str, str]]:
        for one in self.all(ast.Import):
            for alias in one.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        for other in self.all(ast.ImportFrom):
            for alias in other.names:
                yield alias.asname or alias.name, f"{other.module or ''}.{alias.name}"

    def resolved(self, name: str) -> str:
        """Answer a dotted name as its module spells it: what an import renamed is named again."""
        first, dot, rest = name.partition(".")
        return self._imported.get(first, first) + dot + rest

    def all(self, *kinds: type[Node]) -> Iterator[Node]:
        """Answer every node of some kinds."""
        for kind in kinds:
            yield from cast(list[Node], self._by_kind.get(kind, []))

    def functions(self) -> Iterator[Function]:
        """Answer every function and method."""
        yield from self.all(ast.FunctionDef)
        yield from self.all(ast.AsyncFunctionDef)

    def parts(self, function: Function) -> list[ast.AST]:
        """Answer what stands in a function's body; not in the functions and classes defined there."""
        if function not in self._parts:
            self._parts[function] = list(walk(*function.body))
        return self._parts[function]

    def assigned(self, function: Function) -> Assigned:
        """Answer what each plain name of a function is given, at most so many times as tell anything."""
        if function not in self._assigned:
            given: Assigned = {}
            for one in self.parts(function):
                targets = one.targets if isinstance(one, ast.Assign) else []
                if isinstance(one, ast.AnnAssign) and one.value is not None:
                    targets = [one.target]
                for target in targets:
                    known = given.setdefault(target.id, []) if isinstance(target, ast.Name) else None
                    if known is not None and len(known) < _MAX_ASSIGNED:
                        known.append(cast("ast.Assign | ast.AnnAssign", one))
            self._assigned[function] = given
        return self._assigned[function]

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Answer what a node stands in."""
        return self._parents.get(node)

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Answer what a node stands in, from the inside out."""
        above = self._parents.get(node)
        while above is not None:
            yield above
            above = self._parents.get(above)

    def function_of(self, node: ast.AST) -> Function | None:
        """Answer the function whose body runs a node, if it is not run by the module."""
        for above in self.around(node):
            if isinstance(above, FUNCTIONS):
                return above
            if isinstance(above, (ast.Lambda, ast.ClassDef)):
                return None
        return None

    def loops_of(self, node: ast.AST) -> Iterator[Loop | ast.comprehension]:
        """Answer the loops of the same function that run a node again and again, from the inside out."""
        below = node
        for above in self.around(node):
            if isinstance(above, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
                return
            if isinstance(above, LOOPS) and _repeats(above, below):
                yield above
            elif isinstance(above, COMPREHENSIONS) and not isinstance(below, ast.comprehension):
                yield above.generators[-1]
            elif isinstance(above, ast.comprehension) and below in above.ifs:
                yield above
            below = above


def _repeats(loop: ast.AST, part: ast.AST) -> bool:
    """Tell whether a part of a loop runs each time: its body does, what it goes over and its else do not."""
    body = getattr(loop, "body", [])
    return part in body or part is getattr(loop, "test", None)


def walk(*nodes: ast.AST) -> Iterator[ast.AST]:
    """Walk nodes and what stands in them; not into functions and classes that are defined there."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            pending += ast.iter_child_nodes(node)


def dotted(node: ast.AST | None) -> str:
    """Spell a name with its dots (`a.b.c`); a call or subscript on the way is passed through."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Subscript | ast.Await):
            node = node.value
        elif isinstance(node, ast.Name):
            parts.append(node.id)
            break
        else:
            break
    return ".".join(reversed(parts))


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule of ours that a place breaks."""

    rule: str
    line: int
    detail: str = ""  # fills the {} of the rule; never a literal of the code
    last_line: int = 0
    severity: Severity | None = None  # where it is not the rule's


def called(node: ast.AST) -> str:
    """Answer the dotted name that a call calls, or nothing."""
    return dotted(node.func) if isinstance(node, ast.Call) else ""


def text_of(node: ast.AST | None) -> str | None:
    """Answer the text of a string or f-string as far as it is constant."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "{}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        return text_of(node.left)
    return None
