"""What is wrong, or will be: checks of Python that need a look at what stands around."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from .python_code import (
    COMPREHENSIONS,
    FUNCTIONS,
    LOOPS,
    Function,
    Hit,
    PythonCode,
    called,
    dotted,
    text_of,
    walk,
)

# Three words of a comment say why; one is a mark, and what is said to tools is no reason.
# A word is never given back, so that a line of many marks takes no time.
_REASON = re.compile(r"#(?!\s*(?:noqa|pylint|pragma|type:|nosec))(?:\s*+\w\S{0,200}+(?=\s|$)){3}")
_EVERYTHING = frozenset({"Exception", "BaseException"})
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Delete, ast.Pass)
_PERHAPS = (ast.IfExp, ast.BoolOp, ast.Lambda, *COMPREHENSIONS)  # what is in them may not run

_SETTERS = frozenset({"setattr", "__setattr__", "delattr", "__delattr__"})

# Calls that wait for a server, and at which position the timeout may stand.
_WAITING = {
    "urllib.request.urlopen": 2,
    "socket.create_connection": 1,
    "smtplib.SMTP": 3,
    "smtplib.SMTP_SSL": 5,
    "http.client.HTTPConnection": 2,
    "http.client.HTTPSConnection": 4,
    "ftplib.FTP": 4,
    "imaplib.IMAP4": 2,
    "poplib.POP3": 2,
}


def quality(code: PythonCode, *, in_tests: bool) -> Iterator[Hit]:
    """Answer what is wrong with a file, whatever it is for."""
    yield from _swallowed(code)
    yield from _unreachable(code)
    yield from _endless(code)
    yield from _timeouts(code)
    if not in_tests:
        yield from _floats(code)


def _swallowed(code: PythonCode) -> Iterator[Hit]:
    for handler in code.all(ast.ExceptHandler):
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if _EVERYTHING.isdisjoint(dotted(kind) for kind in kinds) or not _does_nothing(handler.body):
            continue
        block, function = code.parent(handler), code.function_of(handler)
        tried = block.body if isinstance(block, ast.Try) else []
        optional = all(isinstance(one, (ast.Import, ast.ImportFrom)) for one in tried)
        if not optional and (function is None or function.name != "__del__"):
            said = any(_REASON.search(line) for line in code.lines[handler.lineno - 1 : handler.end_lineno])
            yield Hit("swallowed-exception", handler.lineno, severity="LOW" if said else None)


def _does_nothing(body: Sequence[ast.stmt]) -> bool:
    return all(
        isinstance(one, (ast.Pass, ast.Continue))
        or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        for one in body
    )


def _unreachable(code: PythonCode) -> Iterator[Hit]:
    for node in code.all(
        ast.Module, *FUNCTIONS, *LOOPS, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.ExceptHandler
    ):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, [])
            for one, behind in pairwise(block):
                if _never_goes_on(one):
                    # `return; yield` is how an empty generator is written.
                    if not any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in walk(behind)):
                        if not _only_guards(one, behind):
                            yield Hit("unreachable-code", behind.lineno)
                    break


def _only_guards(before: ast.stmt, behind: ast.stmt) -> bool:
    """Tell whether a statement that never runs is there for readers and type checkers to see just that."""
    if isinstance(behind, ast.Pass):
        return True
    if isinstance(behind, ast.Return):
        return behind.value is None or (isinstance(behind.value, ast.Constant) and behind.value.value is None)
    if isinstance(behind, ast.Expr) and called(behind.value).endswith("assert_never"):
        return True
    fails = isinstance(behind, ast.Raise) or (
        isinstance(behind, ast.Assert) and isinstance(behind.test, ast.Constant) and not behind.test.value
    )
    return fails and not isinstance(before, _LEAVES)  # behind a plain return it is a slip


def _never_goes_on(one: ast.stmt) -> bool:
    pending, depth = [one], 0
    while pending and depth < 1000:
        depth += 1
        node = pending.pop()
        if isinstance(node, ast.If) and node.orelse:
            pending += [node.body[-1], node.orelse[-1]]
        elif isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value:
            if _has_break(node):
                return False
        elif not isinstance(node, _LEAVES):
            return False
    return not pending


def _has_break(loop: ast.While) -> bool:
    pending: list[ast.AST] = list(loop.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Break):
            return True
        if not isinstance(node, (*LOOPS, *FUNCTIONS, ast.ClassDef)):
            pending += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]
        elif isinstance(node, LOOPS):
            pending += node.orelse
    return False


def _endless(code: PythonCode) -> Iterator[Hit]:
    moved = set(_given_elsewhere(code))
    for function in code.functions():
        if not isinstance(function.body[0], _SIMPLE):
            continue
        own = _own_name(code, function)
        if own is None or own in moved:
            continue
        if any(isinstance(one, (ast.Yield, ast.YieldFrom)) for one in code.parts(function)):
            continue
        for statement in function.body:
            if not isinstance(statement, _SIMPLE):
                break
            if any(_calls_itself(code, one, own, function) for one in _surely(statement)):
                yield Hit("endless-recursion", function.lineno, function.name)
                break


def _given_elsewhere(code: PythonCode) -> Iterator[str]:
    """Answer the names that functions give another meaning in passing: `self.f = g`, `global f`."""
    for one in code.all(ast.Attribute):
        if isinstance(one.ctx, (ast.Store, ast.Del)):
            yield dotted(one)
    for declared in code.all(ast.Global):
        yield from declared.names
    for call in code.all(ast.Call):
        if called(call).rpartition(".")[2] in _SETTERS and len(call.args) > 1:
            yield f"{dotted(call.args[0])}.{text_of(call.args[1])}"


def _own_name(code: PythonCode, function: Function) -> str | None:
    """Answer how a function would call itself, if that can be known."""
    above, decorated = code.parent(function), [dotted(one) for one in function.decorator_list]
    first = function.args.args[0].arg if function.args.args else None
    bound = _bound(code, function)
    if isinstance(above, ast.ClassDef) and first is not None:
        # Not a cached property: once something that it calls has put the value there, its name is that.
        return f"{first}.{function.name}" if decorated in ([], ["property"]) and first not in bound else None
    arguments = {one.arg for one in walk(function.args) if isinstance(one, ast.arg)}
    if isinstance(above, ast.Module) and not decorated and function.name not in bound | arguments:
        return function.name
    return None


def _bound(code: PythonCode, function: Function) -> set[str]:
    """Answer the names that a function's body gives a meaning of its own."""
    bound: set[str] = set()
    for one in code.parts(function):
        if isinstance(one, (ast.Import, ast.ImportFrom)):
            bound |= {alias.asname or alias.name for alias in one.names}
        elif isinstance(one, (*FUNCTIONS, ast.ClassDef)):
            bound.add(one.name)
        elif isinstance(one, ast.Name) and isinstance(one.ctx, (ast.Store, ast.Del)):
            bound.add(one.id)
    return bound


def _surely(statement: ast.stmt) -> Iterator[ast.AST]:
    """Answer the parts of a statement that run whenever it does."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, _PERHAPS):
            pending += ast.iter_child_nodes(node)


def _calls_itself(code: PythonCode, node: ast.AST, name: str, function: Function) -> bool:
    """Tell whether a node is a call of a function's own name, or (of a property) its use.

    In a coroutine only a call that is awaited there: another is a task of its own, for later.
    """
    if isinstance(function, ast.AsyncFunctionDef) and not isinstance(code.parent(node), ast.Await):
        return False
    used = node if function.decorator_list else node.func if isinstance(node, ast.Call) else None
    if isinstance(used, ast.Attribute):
        return isinstance(used.value, ast.Name) and f"{used.value.id}.{used.attr}" == name
    return isinstance(used, ast.Name) and used.id == name


def _timeouts(code: PythonCode) -> Iterator[Hit]:
    for call in code.all(ast.Call):
        name = code.resolved(called(call))
        place = _WAITING.get(name)
        if place is None or not isinstance(call.func, (ast.Name, ast.Attribute)):
            continue
        given = len(call.args) > place or any(one.arg in ("timeout", None) for one in call.keywords)
        connects = call.args or call.keywords  # FTP() and SMTP() without a host wait for connect()
        if connects and not given and not any(isinstance(one, ast.Starred) for one in call.args):
            yield Hit("missing-timeout", call.lineno, name)


def _floats(code: PythonCode) -> Iterator[Hit]:
    for one in code.all(ast.Compare):
        sides = [one.left, *one.comparators]
        equality = any(isinstance(operator, (ast.Eq, ast.NotEq)) for operator in one.ops)
        fractions = [
            side
            for side in sides
            if isinstance(side, ast.Constant)
            and isinstance(side.value, float)
            and not side.value.is_integer()
        ]
        if equality and fractions and len(fractions) < len(sides):
            yield Hit("float-equality", one.lineno)
