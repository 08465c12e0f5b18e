"""What `airlock doctor` may find, read from its source: the part of each finding, and what is said of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOM = Path(__file__).parents[3] / "libs" / "client" / "airlock_client" / "local"
TROUBLES = frozenset({"warning", "wrong", "unknown", "remote", "apart"})
"""What makes a finding that somebody has to do something about; `ok` makes the others."""
PARTS_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "_not_seen": ("Docker Engine", "limits", "images", "earlier images", "containers"),
    "look_at_processes": ("Postgres", "nats-server", "orchestration", "agent-host"),
}
"""Of findings whose function does not spell their part: it is handed over, or is the name of a process."""


@dataclass(frozen=True, order=True)
class Found:
    """One thing that may be found: `...` stands for what is only known then."""

    part: str
    said: str


def troubles() -> set[Found]:
    """Every finding that is not OK."""
    return {
        Found(part, said)
        for path in sorted(ROOM.glob("doctor*.py"))
        for function in _functions(path)
        for call in _calls(function, TROUBLES)
        for part in _parts(function, call)
        for said in _texts(function, call.args[1], call.lineno)
    }


def every_part() -> set[str]:
    """The parts of all findings, those that are well among them."""
    return {
        part
        for path in sorted(ROOM.glob("doctor*.py"))
        for function in _functions(path)
        for call in _calls(function, TROUBLES | {"ok"})
        for part in _parts(function, call)
    }


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _calls(function: ast.AST, makers: frozenset[str]) -> Iterator[ast.Call]:
    """Calls of what makes findings, also under another name (`found = wrong if ... else warning`)."""
    others = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp)
        for target in node.targets
        if isinstance(target, ast.Name)
        and {one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)} & makers
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers | others:
            yield node


def _parts(function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call) -> tuple[str, ...]:
    match call.args[0]:
        case ast.Constant(str(part)):
            return (part,)
        case ast.Name(name):
            spelled = [
                value.value
                for value in _values(function, name, call.lineno)
                if isinstance(value, ast.Constant) and isinstance(value.value, str)
            ]
            return tuple(spelled) or PARTS_ELSEWHERE[function.name]
    raise AssertionError(f"{function.name}: nobody can read the part of {ast.unparse(call)}")


def _texts(function: ast.AST, said: ast.expr, line: int) -> Iterator[str]:
    """What may be said, each alternative for itself."""
    match said:
        case ast.Constant(str(text)):
            yield text
        case ast.JoinedStr(pieces):
            whole = "".join(
                str(piece.value) if isinstance(piece, ast.Constant) else "..." for piece in pieces
            )
            yield re.sub(r"(\.\.\.)+", "...", whole)
        case ast.Name(name) if values := _values(function, name, line):
            for value in values:
                yield from _texts(function, value, line)
        case _:
            yield "..."


def _values(function: ast.AST, name: str, line: int) -> list[ast.expr]:
    """What a name stands for at a line: what was put there last, or each of what a loop puts there."""
    found: list[tuple[int, list[ast.expr]]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and node.lineno < line:
            for target in node.targets:
                found += [(node.lineno, [value]) for value in _put(target, node.value, name)]
        elif isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):
            each = [value for one in node.iter.elts for value in _put(node.target, one, name)]
            found += [(node.lineno, each)] if each else []
    return max(found, key=lambda one: one[0])[1] if found else []


def _put(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    match target, value:
        case ast.Name(there), _ if there == name:
            yield value
        case ast.Tuple(targets), ast.Tuple(values):
            for one, other in zip(targets, values, strict=True):
                yield from _put(one, other, name)
