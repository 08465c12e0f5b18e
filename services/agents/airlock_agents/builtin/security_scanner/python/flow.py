"""Walks a function from top to bottom and knows, at each call, what its names are worth."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from .routes import chosen, route_of
from .values import Environment, Value, constants, guarded, value_of

Function = ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.With, ast.AsyncWith, ast.Match)


@dataclass(frozen=True, slots=True)
class Scope:
    """One function, or the module's own statements."""

    node: Function | ast.Module
    route: str | None
    fixed: frozenset[str]  # the module's constants


@dataclass(frozen=True, slots=True)
class Seen:
    """An expression or a returned value, with what is known where it stands."""

    node: ast.expr
    scope: Scope
    names: Environment
    built: dict[str, ast.expr]  # the last expression that was assigned to each name
    returned: bool = False


def scopes(module: ast.Module) -> Iterator[Scope]:
    """Answer the module and each of its functions."""
    fixed = constants(module)
    yield Scope(module, None, fixed)
    for node in ast.walk(module):
        if isinstance(node, Function):
            yield Scope(node, route_of(node), fixed)


def walk(scope: Scope) -> Iterator[Seen]:
    """Answer each call and each returned value of a scope, in the order of the text."""
    names: Environment = dict.fromkeys(scope.fixed, Value.FIXED)
    own = scope.node.args if not isinstance(scope.node, ast.Module) else None
    if own is not None:
        every = [*own.posonlyargs, *own.args, *own.kwonlyargs, *filter(None, (own.vararg, own.kwarg))]
        names |= {one.arg: Value.UNKNOWN for one in every}
    if scope.route is not None and not isinstance(scope.node, ast.Module):
        for name, slash in chosen(scope.node, scope.route).items():
            names[name] = Value.CHOSEN if slash else Value.SEGMENT
    yield from _statements(scope.node.body, Walk(scope, names, {}), nested=False)


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a walk is: its names and what they were built from change with each statement."""

    scope: Scope
    names: Environment
    built: dict[str, ast.expr]
    checked: list[frozenset[str]] = field(default_factory=list)  # what the scope asks about, once it matters

    def seen(self, node: ast.expr, *, returned: bool = False) -> Seen:
        """Take down an expression; what is known is known now, and not kept for later."""
        return Seen(node, self.scope, self.names, self.built, returned)

    def assign(self, target: ast.expr, value: ast.expr | None, worth: Value, *, nested: bool) -> None:
        """Note what a name is worth from here on; a block may not be run, so there it only gets worse."""
        if isinstance(target, ast.Tuple | ast.List):
            for one in target.elts:
                self.assign(one, None, worth, nested=nested)
            return
        if not isinstance(target, ast.Name):
            return
        if worth >= Value.SEGMENT:
            if not self.checked:
                self.checked.append(guarded(self.scope.node))
            if target.id in self.checked[0]:
                worth = Value.UNKNOWN
        before = self.names.get(target.id, Value.FIXED)
        self.names[target.id] = max(before, worth) if nested else worth
        if value is not None and (not nested or worth >= before or target.id not in self.built):
            self.built[target.id] = value


def _statements(body: list[ast.stmt], state: Walk, *, nested: bool) -> Iterator[Seen]:
    for statement in body:
        if isinstance(statement, Function | ast.ClassDef):
            if isinstance(statement, ast.ClassDef):
                yield from _statements(
                    [one for one in statement.body if not isinstance(one, Function)], state, nested=True
                )
            continue
        yield from _expressions(statement, state)
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    state.assign(target, value, value_of(value, state.names), nested=nested)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                state.assign(target, value, value_of(value, state.names), nested=nested)
            case ast.AugAssign(target=ast.Name(id=name) as target, value=value):
                both = ast.BinOp(left=state.built.get(name, target), op=statement.op, right=value)
                ast.copy_location(both, value)
                worth = max(state.names.get(name, Value.UNKNOWN), value_of(value, state.names))
                state.assign(target, both, worth, nested=nested)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                state.assign(target, None, value_of(value, state.names), nested=nested)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        state.assign(item.optional_vars, None, Value.UNKNOWN, nested=nested)
            case ast.Return(value=ast.expr() as value):
                yield state.seen(value, returned=True)
            case _:
                pass
        if isinstance(statement, _BLOCKS):
            inside = not isinstance(statement, ast.With | ast.AsyncWith)
            for part in _parts(statement):
                yield from _statements(part, state, nested=nested or inside)


def _expressions(statement: ast.stmt, state: Walk) -> Iterator[Seen]:
    """Answer the calls in a statement's own expressions, not those of the statements in it."""
    pending: list[ast.AST] = [
        one
        for one in ast.iter_child_nodes(statement)
        if isinstance(one, ast.expr | ast.withitem | ast.keyword)
    ]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Call):
            yield state.seen(node)
        if not isinstance(node, ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))


def _parts(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for holder in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield holder.body
