"""The routes of a Python module, and which of them check who is asking."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .python_code import Function, Hit, PythonCode, called, dotted, text_of, walk

_VERBS = frozenset({"get", "post", "put", "patch", "delete", "route", "api_route", "websocket"})
_PARAMETER = re.compile(r"[<{](?:\w+:)?(\w+)(?::\w+)?[>}]")
_CHECK = re.compile(
    r"(?i)login_?required|auth|permission|^requires?_|\.requires?_|_required$|roles?_|admin|jwt|protected|secured|scope"
)
_ASKED = re.compile(
    r"(?i)user|auth|perm|admin|token|principal|api_?key|scope|role|require|account|identity|session"
)
_ALIAS = re.compile(r"(?i)current|auth|principal")  # of Annotated[User, Depends(...)]
_KNOWN = re.compile(r"(?i)(^|\.)(current_user|request\.user|g\.user|get_jwt_identity|request\.state\.user)\b")
_CHECKS = re.compile(
    r"(?i)(^|\.)_?(requires?|check|ensure|verify|authori[sz]e|authenticate|assert)\w*"
    r"(login|logged|auth|perm|user|admin|role|access|owner|token|clerk|key|session)\w*$|(^|\.)(authori[sz]e|authenticate)$"
)
_SESSION_KEY = re.compile(r"(?i)user|account|customer|clerk|admin|login|logged")
# What everybody may call, by the names that such routes have.
_PUBLIC = re.compile(
    r"(?i)log_?(in|out)|sign_?(in|up|out)|regist|health|ready|alive|metric|index|home|root|static|favicon|robots"
    r"|about|public|docs|openapi|webhook|callback|reset|forgot|token|oauth|ping|version|status|search|catalog|product"
    r"|help|contact|terms|privacy|imprint|error|sitemap|csrf|locale|language"
)


@dataclass(frozen=True, slots=True)
class Route:
    """A function that answers requests."""

    function: Function
    path: str
    parameters: tuple[str, ...]  # in its path
    guarded: bool  # it checks who is asking


def routes(code: PythonCode) -> Iterator[Route]:
    """Answer the functions that Flask, FastAPI and their like call for a path."""
    for function in code.functions():
        for call in filter(None, map(_as_route, function.decorator_list)):
            path = text_of(call.args[0]) if call.args else None
            if path is not None and (path == "" or path.startswith("/")):
                yield Route(function, path, tuple(_PARAMETER.findall(path)), _is_guarded(function))
                break


def without_check(code: PythonCode, found: Sequence[Route]) -> Iterator[Hit]:
    """Answer the routes that check nothing where at least two, and most of the others, do."""
    if _checked_before(code):
        return
    private = [one for one in found if not _PUBLIC.search(one.path + " " + one.function.name)]
    guarded = [one for one in found if one.guarded]
    open_ones = [one for one in private if not one.guarded and one.path not in ("", "/")]
    if len(guarded) >= 2 and len(guarded) > len(open_ones):
        for one in open_ones:
            yield Hit("route-without-check", one.function.lineno, one.function.name)


def _checked_before(code: PythonCode) -> bool:
    """Tell whether something runs before every route of the module: there the check may be."""
    for function in code.functions():
        if any(dotted(one).endswith((".before_request", ".middleware")) for one in function.decorator_list):
            return True
    return any(
        called(call).rpartition(".")[2] in ("APIRouter", "FastAPI", "Blueprint")
        and any(one.arg == "dependencies" for one in call.keywords)
        for call in code.all(ast.Call)
    )


def _as_route(decorator: ast.expr) -> ast.Call | None:
    """Answer a decorator as the call that makes a route (`@app.get(...)`), if it is one."""
    if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
        return decorator if decorator.func.attr in _VERBS else None
    return None


def _is_guarded(function: Function) -> bool:
    return (
        any(map(_decorates_a_check, function.decorator_list))
        or any(map(_asks_for_somebody, _declared(function.args)))
        or any(_knows_who(part) for part in walk(*function.body))
    )


def _decorates_a_check(decorator: ast.expr) -> bool:
    route = _as_route(decorator)
    if route is None:
        return bool(_CHECK.search(dotted(decorator)))
    # `auth` is where django-ninja is told who may call, also that everybody may.
    return any(one.arg in ("dependencies", "auth") for one in route.keywords)


def _declared(arguments: ast.arguments) -> Iterator[ast.expr]:
    """Answer the defaults and annotations of a function: there FastAPI is told what a route needs."""
    yield from filter(None, (*arguments.defaults, *arguments.kw_defaults))
    yield from filter(None, (one.annotation for one in (*arguments.args, *arguments.kwonlyargs)))


def _asks_for_somebody(declared: ast.expr) -> bool:
    if isinstance(declared, ast.Name) and _ALIAS.search(declared.id):
        return True
    for call in ast.walk(declared):
        kind = called(call).rpartition(".")[2]
        if kind == "Security":
            return True
        if isinstance(call, ast.Call) and kind == "Depends":
            if any(_ASKED.search(dotted(given)) for given in call.args):
                return True
    return False


def _knows_who(part: ast.AST) -> bool:
    if isinstance(part, ast.Constant) and part.value in (401, 403):
        return True  # it turns somebody away
    if isinstance(part, (ast.Name, ast.Attribute)) and _KNOWN.search(dotted(part)):
        return True
    if isinstance(part, ast.Subscript) and dotted(part.value).rpartition(".")[2] == "session":
        return bool(_SESSION_KEY.search(text_of(part.slice) or ""))
    if isinstance(part, ast.Call):
        name = called(part)
        if name.endswith("session.get") and part.args:
            return bool(_SESSION_KEY.search(text_of(part.args[0]) or ""))
        return bool(_CHECKS.search(name))
    return False
