"""Which functions answer requests, and which of their parameters a caller chooses."""

from __future__ import annotations

import ast
import re

_METHODS = frozenset("route get post put patch delete head options websocket api_route add_url_rule".split())
_FLASK = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
_STARLETTE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_TEXT_TYPES = frozenset({"str", "bytes", "Any", "Optional", "Annotated", "list", "List"})
_INJECTED = frozenset({"Depends", "Security", "File", "BackgroundTasks"})


def route_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """Answer the path that a function is the route of, or None."""
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
            continue
        if decorator.func.attr not in _METHODS:
            continue
        first = decorator.args[0] if decorator.args else None
        keywords = [one.value for one in decorator.keywords if one.arg in ("path", "rule")]
        path = first if first is not None else next(iter(keywords), None)
        if isinstance(path, ast.Constant) and isinstance(path.value, str) and path.value.startswith("/"):
            return path.value
    return None


def chosen(function: ast.FunctionDef | ast.AsyncFunctionDef, route: str) -> dict[str, bool]:
    """Answer the text parameters of a route that come from the request, and whether each may hold a slash."""
    kinds = {name: kind for kind, name in _FLASK.findall(route)} | dict(_STARLETTE.findall(route))
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    defaults: dict[str, ast.expr | None] = dict(
        zip(
            [one.arg for one in arguments[: len(arguments) - len(function.args.kwonlyargs)]][::-1],
            function.args.defaults[::-1],
            strict=False,
        )
    )
    defaults |= dict(
        zip([one.arg for one in function.args.kwonlyargs], function.args.kw_defaults, strict=True)
    )
    result = {}
    for one in arguments:
        if one.arg in ("self", "cls", "request", "req", "websocket") or not _is_text(one.annotation):
            continue
        if one.arg in kinds:
            if kinds[one.arg] in ("", "string", "str", "path"):
                result[one.arg] = kinds[one.arg] == "path"
            continue
        default = defaults.get(one.arg)
        if one.annotation is None or _is_injected(default) or _is_injected(one.annotation):
            continue  # without a type it is no parameter of a query in any framework
        result[one.arg] = True
    return result


def _is_text(annotation: ast.expr | None) -> bool:
    if annotation is None:
        return True
    names = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(annotation) if isinstance(node, ast.Attribute)}
    return "str" in names or (bool(names) and names <= _TEXT_TYPES)


def _is_injected(node: ast.expr | None) -> bool:
    if node is None:
        return False
    return any(isinstance(one, ast.Name) and one.id in _INJECTED for one in ast.walk(node))
