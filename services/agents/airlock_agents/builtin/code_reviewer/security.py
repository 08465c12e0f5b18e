"""What a reviewer sees beside a scanner: who may do this, what is told to whom, and what a client decides."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .python_code import Function, Hit, PythonCode, called, dotted, text_of, walk
from .routes import Route, routes, without_check

_LOG = re.compile(
    r"(^|\.)_?(log|logger|logging|LOG)\.(debug|info|warning|warn|error|exception|critical|log)$"
)
_SECRET = re.compile(
    r"(?i)(password|passwd|passphrase|secret|secret_?key|api_?key|private_?key|client_?secret"
    r"|(access|auth|api|session|reset|csrf|refresh|bearer|invitation|webhook)_?token)"
)
_COMPARED = re.compile(_SECRET.pattern + r"|(?i:password_?(hash|digest)|hashed_?password|otp|hmac|mac)")
_SIGNATURE = re.compile(r"(?i)(expected|computed|calculated)(_?(digest|mac))?|\w*signature|hexdigest")
_SECRETLY_MADE = re.compile(r"(?i)signature|mac$")  # a digest alone is a checksum, and no secret
_REPEATED = re.compile(r"(?i)confirm|repeat|again|verify|old|previous|current_password|2$|1$")
_GUARD = re.compile(
    r"(?i)(^|\.)(is_(admin|staff|superuser|authenticated|owner)|has_perm\w*|current_user|user\.(role|permissions?))($|\.)"
)
_SENT = re.compile(
    r"(^|\.)request\.(args|form|values|json|get_json|data|cookies|headers|files|GET|POST|query_params|path_params"
    r"|query_string|match_info)\b"
)
_WHO = re.compile(r"(?i)user|session|owner|customer_id|account|principal|identity|tenant|auth|token|login")
_PERSONAL = re.compile(
    r"(?is)select\b.*\bfrom\s+(orders?|invoices?|payments?|accounts?|users?|customers?|messages?|documents?|addresses)"
    r"\b.*\bwhere\s+id\s*="
)


def security(code: PythonCode, *, in_tests: bool) -> Iterator[Hit]:
    """Answer what lets somebody do or learn more than was meant."""
    found = list(routes(code))
    yield from without_check(code, found)
    for route in found:
        yield from _errors_shown(route)
        yield from _object_of_anybody(route)
    for function in code.functions():
        yield from _what_was_sent(code, function)
    yield from _comparisons(code)
    yield from _calls(code)
    if not in_tests:
        yield from _asserts(code)
        yield from _switches(code)


def _asserts(code: PythonCode) -> Iterator[Hit]:
    for one in code.all(ast.Assert):
        if any(
            _GUARD.search(dotted(part))
            for part in walk(one.test)
            if isinstance(part, (ast.Name, ast.Attribute))
        ):
            if not (isinstance(one.test, ast.Compare) and isinstance(one.test.ops[0], (ast.Is, ast.IsNot))):
                yield Hit("assert-guards-access", one.lineno)


def _comparisons(code: PythonCode) -> Iterator[Hit]:
    keyed = any(code.resolved(called(call)).startswith("hmac.") for call in code.all(ast.Call))
    for one in code.all(ast.Compare):
        if len(one.ops) != 1 or not isinstance(one.ops[0], (ast.Eq, ast.NotEq)):
            continue
        sides = (one.left, one.comparators[0])
        names = [_named(side) for side in sides]
        if "" in names or any(_REPEATED.search(name) for name in names):
            continue
        signed = all(_SIGNATURE.fullmatch(name) for name in names) and names != ["signature", "signature"]
        signed = signed and (keyed or any(_SECRETLY_MADE.search(name) for name in names))
        function = code.function_of(one)
        if function is not None and function.name in ("__eq__", "__ne__"):
            continue
        if signed or any(_COMPARED.fullmatch(name) for name in names):
            yield Hit("secret-compared-plainly", one.lineno)


def _named(node: ast.AST) -> str:
    """Answer what a value is called; nothing for constants, members of classes and lengths."""
    if isinstance(node, ast.Await):
        node = node.value
    if isinstance(node, ast.Subscript):
        return text_of(node.slice) or ""
    if isinstance(node, ast.Call):
        name = called(node)
        if name.endswith((".get", "getenv")) and node.args:
            return text_of(node.args[0]) or name
        return "" if name in ("len", "type", "getattr") else name.rpartition(".")[2]
    if isinstance(node, ast.Attribute):
        return "" if dotted(node)[:1].isupper() else node.attr
    return node.id if isinstance(node, ast.Name) and not node.id.isupper() else ""


def _calls(code: PythonCode) -> Iterator[Hit]:
    for call in code.all(ast.Call):
        name = called(call)
        if _LOG.search(name) or name == "print":
            if any(_SECRET.fullmatch(_named(part)) for argument in call.args for part in _told(argument)):
                yield Hit("secret-in-log", call.lineno)
        options = {one.arg: one.value for one in call.keywords}
        if code.resolved(name) in ("jwt.decode", "jose.jwt.decode") and _switched_off(options):
            yield Hit("token-not-verified", call.lineno)
        everybody = _is_everybody(options.get("allow_origins")) and _true(options.get("allow_credentials"))
        flask = name.endswith("CORS") and _true(options.get("supports_credentials"))
        if everybody or (flask and ("origins" not in options or _is_everybody(options["origins"]))):
            yield Hit("cors-for-everybody", call.lineno)


def _told(argument: ast.expr) -> Iterator[ast.AST]:
    """Answer the values whose text an argument shows."""
    pending: list[ast.AST] = [argument]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.JoinedStr):
            pending += [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        elif isinstance(node, ast.BinOp):
            pending += [node.left, node.right]
        elif isinstance(node, ast.Tuple):
            pending += node.elts
        elif isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            yield node


def _switched_off(options: dict[str | None, ast.expr]) -> bool:
    checks = options.get("options")
    named = isinstance(checks, ast.Dict) and any(
        text_of(key) == "verify_signature" and isinstance(value, ast.Constant) and value.value is False
        for key, value in zip(checks.keys, checks.values, strict=True)
    )
    verify = options.get("verify")
    return named or (isinstance(verify, ast.Constant) and verify.value is False)


def _is_everybody(value: ast.expr | None) -> bool:
    if isinstance(value, (ast.List, ast.Tuple)):
        return any(text_of(one) == "*" for one in value.elts)
    return text_of(value) == "*"


def _true(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def _switches(code: PythonCode) -> Iterator[Hit]:
    for function in code.functions():
        for decorator in function.decorator_list:
            if dotted(decorator).rpartition(".")[2] in ("csrf_exempt", "exempt") and "csrf" in dotted(
                decorator
            ):
                yield Hit("csrf-switched-off", decorator.lineno)
    for one in code.all(ast.Assign):
        off = isinstance(one.value, ast.Constant) and one.value.value is False
        for target in one.targets:
            key = text_of(target.slice) if isinstance(target, ast.Subscript) else dotted(target)
            if off and key == "WTF_CSRF_ENABLED":
                yield Hit("csrf-switched-off", one.lineno)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What of a function's values a client sent, as far as one assignment tells."""

    names: frozenset[str]

    def holds(self, node: ast.AST) -> bool:
        """Tell whether a value is what a client sent."""
        return bool(_SENT.search(dotted(node))) or (isinstance(node, ast.Name) and node.id in self.names)

    def is_gone_over(self, loop: ast.AST) -> bool:
        """Tell whether a loop goes over what a client sent (`for key, value in request.json.items()`)."""
        name = dotted(loop.iter) if isinstance(loop, ast.For) else ""
        return bool(_SENT.search(name)) or name.split(".")[0] in self.names


def _what_was_sent(code: PythonCode, function: Function) -> Iterator[Hit]:
    sent = _Sent(
        frozenset(
            name
            for name, given in code.assigned(function).items()
            if any(_SENT.search(dotted(one.value)) for one in given)
        )
    )
    for one in code.parts(function):
        if isinstance(one, ast.Call):
            for rule in _misuses(code, one, sent):
                yield Hit(rule, one.lineno)
        elif isinstance(one, ast.BinOp) and isinstance(one.op, ast.Mod) and sent.holds(one.left):
            if isinstance(one.right, (ast.Tuple, ast.Dict)):
                yield Hit("request-as-format", one.lineno)


def _misuses(code: PythonCode, call: ast.Call, sent: _Sent) -> Iterator[str]:
    """Answer the rules that a call breaks with what a client sent."""
    name = called(call)
    if _LOG.search(name) and any(sent.holds(part) for argument in call.args for part in _shown(argument)):
        yield "request-in-log"
    if isinstance(call.func, ast.Attribute) and call.func.attr == "format" and sent.holds(call.func.value):
        yield "request-as-format"
    makes = name.rpartition(".")[2]
    whole = any(one.arg is None and sent.holds(one.value) for one in call.keywords)
    if whole and (makes[:1].isupper() or makes in ("update", "create")):
        yield "request-sets-fields"
    if name == "setattr" and len(call.args) == 3 and not isinstance(call.args[1], ast.Constant):
        if any(sent.is_gone_over(loop) for loop in code.loops_of(call)):
            yield "request-sets-fields"


def _shown(argument: ast.expr) -> Iterator[ast.AST]:
    yield from _told(argument)
    if isinstance(argument, ast.Call):
        yield argument


def _errors_shown(route: Route) -> Iterator[Hit]:
    for handler in walk(*route.function.body):
        if not isinstance(handler, ast.ExceptHandler) or dotted(handler.type) not in (
            "",
            "Exception",
            "BaseException",
        ):
            continue
        for one in walk(*handler.body):
            if isinstance(one, (ast.Return, ast.Raise)):
                answer = one.value if isinstance(one, ast.Return) else one.exc
                if answer is not None and any(_tells(part, handler.name) for part in walk(answer)):
                    yield Hit("error-shown", one.lineno)


def _tells(part: ast.AST, error: str | None) -> bool:
    if isinstance(part, ast.FormattedValue):
        return error is not None and dotted(part.value) == error
    if isinstance(part, ast.Call) and called(part) in ("str", "repr") and part.args:
        return error is not None and dotted(part.args[0]) == error
    return called(part) == "traceback.format_exc"


def _object_of_anybody(route: Route) -> Iterator[Hit]:
    if not route.parameters or route.guarded:
        return
    names = [dotted(one) for one in walk(*route.function.body) if isinstance(one, (ast.Name, ast.Attribute))]
    if any(_WHO.search(name) for name in names):
        return
    for one in walk(*route.function.body):
        if isinstance(one, ast.Call) and called(one).endswith("execute") and one.args:
            if _PERSONAL.search(text_of(one.args[0]) or ""):
                yield Hit("object-of-anybody", one.lineno, route.function.name)
