"""What is slow in Python code because it is done again and again: queries, searches and copies in loops."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice

from .python_code import Assigned, Function, Hit, PythonCode, called, dotted, text_of

_STATEMENT = re.compile(r"(?is)\s*(select|insert|update|delete|with)\b")
_READS = re.compile(
    r"(^|\.)(session|db)\.(scalar|scalars|query)$|\.objects\.(get|filter|exclude|create|get_or_create|count)$"
)
# The row of a model by its key: session.get(User, 7). A get of anything else is a request's, or a mapping's.
_GETS = re.compile(r"(^|\.)(session|db)\.get$")
_BUILDERS = frozenset({"select", "insert", "update", "delete"})
_REQUESTS = re.compile(r"(requests|httpx)\.(get|post|put|patch|delete|head|request)$")
# Loops that try again, or that already take many at once.
_OTHER_LOOPS = re.compile(r"(?i)^_$|attempt|retr|^tr(y|ies)$|page|chunk|batch|offset")
# Awaited one after the other on purpose: what is sent in order, waits, or ends.
_IN_ORDER = re.compile(
    r"(^|\.)_?(a?close|cancel|commit|drain|execute|flush|gather|get|join|publish|put|read\w*|recv\w*|release|run"
    r"|send\w*|sleep|stop|wait|wait_for|write\w*|yield_\w+|emit|ack|nak|add|set|acquire|start|connect|disconnect)$"
)


def performance(code: PythonCode) -> Iterator[Hit]:
    """Answer what a file does more often than it needs to."""
    yield from _queries(code)
    for function in code.functions():
        yield from _in_function(code, function)
    yield from _awaits(code)
    for call in code.all(ast.Call):
        if called(call) == "len" and len(call.args) == 1 and called(call.args[0]).endswith(".fetchall"):
            yield Hit("counted-in-memory", call.lineno)


def _queries(code: PythonCode) -> Iterator[Hit]:
    asking = {
        function.name
        for function in code.functions()
        if any(_asks(code, one, function) for one in code.parts(function))
    }
    for call in code.all(ast.Call):
        if not any(_over_data(loop) for loop in code.loops_of(call)):
            continue
        name = called(call)
        own = name.removeprefix("self.") in asking and isinstance(call.func, (ast.Name, ast.Attribute))
        function = code.function_of(call)
        if _asks(code, call, function) or (own and (function is None or function.name != name)):
            yield Hit("query-in-loop", call.lineno)
        elif _REQUESTS.fullmatch(code.resolved(name)):
            yield Hit("request-in-loop", call.lineno)


def _asks(code: PythonCode, call: ast.AST, function: Function | None) -> bool:
    """Tell whether a call sends one statement to a database."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    name = called(call)
    if _READS.search(name) or (_GETS.search(name) and _names_model(call)):
        return True
    if call.func.attr not in ("execute", "fetch", "fetchrow", "fetchval") or not call.args:
        return False
    asked = call.args[0]
    if isinstance(asked, ast.Name) and function is not None:
        given = code.assigned(function).get(asked.id)
        asked = given[0].value or asked if given else asked
    if isinstance(asked, ast.Call) and called(asked).endswith("text") and asked.args:
        asked = asked.args[0]  # SQLAlchemy's text("SELECT ...")
    built = isinstance(asked, ast.Call) and called(asked).split(".")[0].split("(")[0] in _BUILDERS
    return built or bool(_STATEMENT.match(text_of(asked) or ""))


def _names_model(call: ast.Call) -> bool:
    """Tell whether a call's first argument of two is a class, by its spelling."""
    first = call.args[0] if call.args else None
    named = isinstance(first, (ast.Name, ast.Attribute)) and dotted(first).rpartition(".")[2]
    return len(call.args) >= 2 and bool(named) and str(named)[0].isupper() and not str(named).isupper()


def _over_data(loop: ast.AST) -> bool:
    """Tell whether a loop goes over things there may be many of."""
    if not isinstance(loop, (ast.For, ast.AsyncFor, ast.comprehension)):
        return False
    if isinstance(loop.iter, (ast.List, ast.Tuple, ast.Set)):
        return False
    targets = islice(ast.walk(loop.target), 20)
    names = [one.id for one in targets if isinstance(one, ast.Name)]
    return not any(_OTHER_LOOPS.search(name) for name in names) and not _OTHER_LOOPS.search(called(loop.iter))


def _in_function(code: PythonCode, function: Function) -> Iterator[Hit]:
    assigned = code.assigned(function)
    grown: set[str] = set()
    for node in code.parts(function):
        loops = list(code.loops_of(node)) if isinstance(node, (ast.AugAssign, ast.Compare, ast.Call)) else []
        if not loops:
            continue
        if (
            isinstance(node, ast.AugAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(node.op, ast.Add)
        ):
            name = node.target.id
            if name not in grown and _is_text(name, assigned) and _set_before(code, name, assigned, loops[0]):
                grown.add(name)
                yield Hit("text-grown-in-loop", node.lineno, name)
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            name = dotted(node.comparators[0]) if isinstance(node.comparators[0], ast.Name) else ""
            if _is_long_list(name, assigned) and _set_before(code, name, assigned, loops[0]):
                yield Hit("search-in-loop", node.lineno, name)
        elif isinstance(node, ast.Call):
            yield from _calls(code, node)


def _calls(code: PythonCode, call: ast.Call) -> Iterator[Hit]:
    name, first = called(call), call.args[0] if call.args else None
    if not isinstance(first, ast.Constant) or not isinstance(call.func, ast.Attribute | ast.Name):
        return
    if code.resolved(name) == "re.compile":
        yield Hit("pattern-in-loop", call.lineno)
    of_name = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, (ast.Name, ast.Attribute))
    front = (name.endswith(".pop") and len(call.args) == 1) or (
        name.endswith(".insert") and len(call.args) == 2
    )
    if of_name and front and type(first.value) is int and first.value == 0:
        yield Hit("front-of-list-in-loop", call.lineno)


def _is_text(name: str, assigned: Assigned) -> bool:
    values = [one.value for one in assigned.get(name, [])]
    return bool(values) and all(text_of(value) is not None for value in values)


def _is_long_list(name: str, assigned: Assigned) -> bool:
    """Tell whether a name is a list that may grow: empty at first, or computed."""
    values = [one.value for one in assigned.get(name, [])]
    return bool(values) and all(
        isinstance(value, ast.ListComp)
        or (isinstance(value, ast.List) and not value.elts)
        or (isinstance(value, ast.Call) and called(value) in ("list", "sorted"))
        for value in values
    )


def _set_before(code: PythonCode, name: str, assigned: Assigned, loop: ast.AST) -> bool:
    """Tell whether a name got its value outside of a loop: what is made in each turn does not grow."""
    return not any(above is loop for one in assigned[name] for above in code.around(one))


def _awaits(code: PythonCode) -> Iterator[Hit]:
    for loop in code.all(ast.For):
        if len(loop.body) == 1 and isinstance(loop.body[0], ast.Expr):
            value = loop.body[0].value
            if isinstance(value, ast.Call) and called(value).endswith(".append") and len(value.args) == 1:
                value = value.args[0]
                if isinstance(value, ast.Await) and _independent(value, loop):
                    yield Hit("await-in-loop", value.lineno)
    for made in code.all(ast.ListComp):
        plain = len(made.generators) == 1 and not made.generators[0].is_async
        if plain and isinstance(made.elt, ast.Await) and _independent(made.elt, made.generators[0]):
            yield Hit("await-in-loop", made.elt.lineno)


def _independent(awaited: ast.Await, loop: ast.For | ast.comprehension) -> bool:
    return (
        isinstance(awaited.value, ast.Call)
        and _over_data(loop)
        and not _IN_ORDER.search(called(awaited.value))
    )
