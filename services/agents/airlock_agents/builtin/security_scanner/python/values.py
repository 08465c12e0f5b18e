"""What an expression is worth: fixed in the code, chosen by whoever sends a request, or not known."""

from __future__ import annotations

import ast
from enum import IntEnum

_REQUESTS = frozenset({"request", "req"})
_FIELDS = frozenset(
    """args form values cookies headers json data files GET POST FILES COOKIES META body query_params
    path_params query_string match_info query params rel_url url full_path path_info referrer get_json
    get_data get_argument stream content text""".split()
)
# Calls whose answer is as tainted as what they are called on, or given.
_TEXT_METHODS = frozenset(
    """strip lstrip rstrip lower upper title capitalize replace format encode decode split rsplit
    splitlines partition join removeprefix removesuffix get getlist pop read casefold expandtabs items values
    joinpath to_dict resolve absolute expanduser""".split()
)
_PASSING = frozenset(
    "str bytes repr join urljoin unquote unquote_plus Path PurePath fspath dict list tuple sorted".split()
)
_CHECKS_NOTHING = frozenset("len isinstance bool str print type hasattr repr".split())


class Value(IntEnum):
    """How far a value is from the code's own; the larger one wins where two meet."""

    FIXED = 0
    UNKNOWN = 1
    SEGMENT = 2  # chosen by the caller, and without a slash in it
    CHOSEN = 3


Environment = dict[str, Value]


def constants(module: ast.Module) -> frozenset[str]:
    """Answer the names of a module that are assigned once, to literals, and never changed."""
    assigned: dict[str, ast.expr] = {}
    again: set[str] = set()
    for node in module.body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                if target.id in assigned:
                    again.add(target.id)
                assigned[target.id] = value
    fixed = {name for name, value in assigned.items() if _literal(value)}
    for inner in ast.walk(module):
        match inner:
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                again.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method not in (
                "get",
                "items",
                "values",
                "keys",
                "format",
                "join",
            ):
                again.add(name)
            case ast.Global(names=names):
                again.update(names)
            case ast.AugAssign(target=ast.Name(id=name)):
                again.add(name)
            case _:
                pass
    return frozenset(fixed - again)


def guarded(function: ast.AST) -> frozenset[str]:
    """Answer the names that a function compares with something, or asks about: it may know what they are."""
    names: set[str] = set()
    for node in ast.walk(function):
        test = node.test if isinstance(node, ast.If | ast.While | ast.Assert | ast.IfExp) else None
        for inner in ast.walk(test) if test is not None else ():
            if isinstance(inner, ast.Compare) and not _is_trivial(inner):
                names |= {
                    one.id
                    for part in (inner.left, *inner.comparators)
                    for one in ast.walk(part)
                    if isinstance(one, ast.Name)
                }
            elif isinstance(inner, ast.Call) and called(inner) not in _CHECKS_NOTHING:
                names |= {
                    one.id
                    for part in (*inner.args, inner.func)
                    for one in ast.walk(part)
                    if isinstance(one, ast.Name)
                }
    return frozenset(names)


def value_of(node: ast.expr | None, names: Environment) -> Value:
    """Answer what an expression is worth where these names are known."""
    match node:
        case None | ast.Constant():
            return Value.FIXED
        case ast.Name(id=name):
            return names.get(name, Value.UNKNOWN)
        case ast.JoinedStr(values=parts):
            return _most(parts, names)
        case ast.FormattedValue(value=inner, format_spec=spec):
            number = isinstance(spec, ast.JoinedStr) and any(
                isinstance(part, ast.Constant) and str(part.value)[-1:] in "dfeg" for part in spec.values
            )
            return Value.FIXED if number else value_of(inner, names)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return (
                Value.FIXED
                if Value.FIXED in (value_of(left, names), value_of(right, names))
                else Value.UNKNOWN
            )
        case ast.BinOp(left=left, right=right):
            return max(value_of(left, names), value_of(right, names))
        case ast.BoolOp(values=parts):
            return _most(parts, names)
        case ast.IfExp(body=body, orelse=other):
            return max(value_of(body, names), value_of(other, names))
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return _most(parts, names)
        case ast.Dict(values=parts):
            return _most(parts, names)
        case ast.Starred(value=inner) | ast.Await(value=inner) | ast.NamedExpr(value=inner):
            return value_of(inner, names)
        case ast.Attribute(value=inner, attr=field):
            if _is_request(inner):
                return Value.CHOSEN if field in _FIELDS else Value.UNKNOWN
            above = value_of(inner, names)
            return above if above >= Value.SEGMENT and field not in ("method", "user") else Value.UNKNOWN
        case ast.Subscript(value=inner):
            return value_of(inner, names)
        case ast.Call():
            return _call(node, names)
        case _:
            return Value.UNKNOWN


def called(call: ast.Call) -> str:
    """Answer the last name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def dotted(node: ast.expr) -> str:
    """Answer a dotted name as it is written, or nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = dotted(node.value)
        return f"{above}.{node.attr}" if above else ""
    return ""


def _call(call: ast.Call, names: Environment) -> Value:
    name = called(call)
    arguments = [*call.args, *(one.value for one in call.keywords)]
    if isinstance(call.func, ast.Attribute):
        owner = call.func.value
        if _is_request(owner) and name in _FIELDS:
            return Value.CHOSEN
        above = value_of(owner, names)
        if name == "get" and above is Value.FIXED:  # a table of fixed values, with its default
            return value_of(call.args[1], names) if len(call.args) > 1 else Value.FIXED
        if name in ("items", "values", "keys") and above is Value.FIXED:
            return Value.FIXED
        if name in _TEXT_METHODS:
            return max(
                above, _most(arguments, names) if name in ("format", "join", "joinpath") else Value.FIXED
            )
    if name in _PASSING:
        return _most(arguments, names)
    return Value.UNKNOWN


def _most(parts: list[ast.expr] | list[ast.expr | None], names: Environment) -> Value:
    return max((value_of(part, names) for part in parts), default=Value.FIXED)


def _is_request(node: ast.expr) -> bool:
    name = dotted(node)
    return name.rsplit(".", 1)[-1] in _REQUESTS and not name.startswith("urllib")


def _is_trivial(test: ast.Compare) -> bool:
    """`is None`, `== ""` and a method's name say nothing about what a value is."""
    if any(isinstance(op, ast.Is | ast.IsNot) for op in test.ops):
        return True
    sides = (test.left, *test.comparators)
    return any(isinstance(one, ast.Constant) and one.value in ("", None, "GET", "POST", 0) for one in sides)


def _literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return (
            isinstance(node, ast.Call)
            and called(node) in ("frozenset", "set", "tuple", "dict")
            and all(map(_literal, node.args))
        )
    return True
