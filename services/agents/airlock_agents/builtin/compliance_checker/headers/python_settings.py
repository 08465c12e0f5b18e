"""The rules about headers, cookies and origins in Python: settings, and calls that set them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ...findings.severities import Severity
from ..facts import Breach, HeaderSent, Said, Serves, TextFile
from .values import WANTED, check_header

WORTH_A_LOOK = re.compile(
    r"(?i)cookie|\bcors|talisman|flask\(|quart\(|jinja2templates|installed_apps|allowed_hosts|SECURE_|x[-_]frame"
    r"|content[-_]security|strict-transport|referrer-policy|x-content-type|access-control-allow"
)
_APPLICATIONS = frozenset({"Flask", "Quart"})
_COOKIE_SWITCH = re.compile(r"(?:[A-Z]+_)?COOKIE_(?:SECURE|HTTPONLY)")
_DJANGO = {
    "SecurityMiddleware": ("x-content-type-options", "referrer-policy"),
    "XFrameOptionsMiddleware": ("x-frame-options",),
    "csp.middleware": ("content-security-policy",),
    "ContentSecurityPolicyMiddleware": ("content-security-policy",),
}
_POLICY_SETTINGS = frozenset({"CONTENT_SECURITY_POLICY", "SECURE_CSP", "CSP_DEFAULT_SRC", "CSP_SCRIPT_SRC"})


def check_python(file: TextFile, *, min_days: int) -> Iterator[Said]:
    """Look at a Python file. Raises SyntaxError, and what else the parser raises at hostile ones."""
    templates = "Jinja2Templates" in file.text
    for node in ast.walk(ast.parse(file.text)):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _assigned(target, node.value, node.lineno, min_days)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from _assigned(node.target, node.value, node.lineno, min_days)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield from _named(key.value, value, key.lineno, min_days)
        elif isinstance(node, ast.Call):
            yield from _call(node, templates, min_days)


def _assigned(target: ast.expr, value: ast.expr, line: int, min_days: int) -> Iterator[Said]:
    if isinstance(target, ast.Name):
        yield from _setting(target.id, value, line, min_days)
    elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        if isinstance(target.slice.value, str):
            yield from _named(target.slice.value, value, line, min_days)


def _named(name: str, value: ast.expr, line: int, min_days: int) -> Iterator[Said]:
    """Judge a name that is given a value in brackets: a header, or a setting of Flask's."""
    if "-" in name:
        text = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
        yield from check_header(name, text, line, min_days=min_days)
    else:
        yield from _setting(name, value, line, min_days)


def _setting(name: str, value: ast.expr, line: int, min_days: int) -> Iterator[Said]:
    constant = value.value if isinstance(value, ast.Constant) else ...
    if _COOKIE_SWITCH.fullmatch(name) and constant is False:
        yield Breach("headers.cookie-insecure", line, f"{name} is off.")
    elif name.endswith("COOKIE_SAMESITE") and constant in ("None", "none"):
        yield Breach("headers.cookie-same-site", line, f"{name} lets cookies be sent from everywhere.")
    elif name in ("CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL") and constant is True:
        yield Breach("headers.cors-any", line, "Every origin may read the answers.")
    elif name == "CORS_ORIGINS" and (constant == "*" or _has_star(value)):
        yield Breach("headers.cors-any", line, "Every origin may read the answers.")
    elif name == "ALLOWED_HOSTS" and _has_star(value):
        yield Breach("headers.hosts-any", line, "Every Host header is answered.")
    elif name == "SECURE_HSTS_SECONDS" and isinstance(constant, int) and constant > 0:
        yield from check_header("strict-transport-security", f"max-age={constant}", line, min_days=min_days)
    elif name == "SECURE_HSTS_SECONDS" and constant is ...:
        yield HeaderSent("strict-transport-security")
    elif name == "X_FRAME_OPTIONS" and constant in ("DENY", "SAMEORIGIN"):
        yield HeaderSent("x-frame-options")
    elif name in _POLICY_SETTINGS:
        yield HeaderSent("content-security-policy")
    elif name == "INSTALLED_APPS":
        yield Serves(line, application=True)
    elif name in ("MIDDLEWARE", "MIDDLEWARE_CLASSES"):
        for text in _texts(value):
            for part, headers in _DJANGO.items():
                if part in text:
                    yield from (HeaderSent(header) for header in headers)


def _call(node: ast.Call, templates: bool, min_days: int) -> Iterator[Said]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    given = {one.arg: one.value for one in node.keywords}
    if name in _APPLICATIONS or (name == "FastAPI" and templates):
        yield Serves(node.lineno, application=True)
    elif name in ("Talisman", "SecureHeaders", "Secure"):
        off = given.get("content_security_policy")
        for header in WANTED:
            if header != "content-security-policy" or not _is(off, None, False):
                yield HeaderSent(header)
    elif name == "set_cookie" and _sets_cookie(node, given):
        yield from _cookie(node, given)
    elif name == "CORS" and node.args and not {"origins", "resources"} & given.keys():
        yield _any_origin(given, node.lineno, "MEDIUM")
    elif name == "update":
        for key, value in given.items():
            if key is not None and key.isupper():
                yield from _setting(key, value, value.lineno, min_days)
    elif name in ("setdefault", "set", "add", "add_header") and len(node.args) == 2:
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and "-" in first.value:
            yield from _named(first.value, node.args[1], node.lineno, min_days)
    for key in ("allow_origins", "origins"):
        if key in given and (_is(given[key], "*") or _has_star(given[key])):
            yield _any_origin(given, given[key].lineno, "HIGH")


def _any_origin(given: dict[str | None, ast.expr], line: int, confidence: str) -> Breach:
    with_credentials = any(_is(given.get(one), True) for one in ("allow_credentials", "supports_credentials"))
    said = "Every origin may read the answers" + (
        ", with the visitor's credentials." if with_credentials else "."
    )
    severity: Severity | None = "HIGH" if with_credentials else None
    return Breach("headers.cors-any", line, said, severity, confidence)


def _sets_cookie(node: ast.Call, given: dict[str | None, ast.expr]) -> bool:
    """Tell a response's set_cookie(name, value) from methods that share the name, and from removals."""
    if None in given or _is(given.get("max_age"), 0) or (node.args[1:] and _is(node.args[1], "")):
        return False
    first = node.args[0] if node.args else given.get("key")
    named = isinstance(first, ast.JoinedStr) or (
        isinstance(first, ast.Constant) and isinstance(first.value, str)
    )
    constant = getattr(first, "id", getattr(first, "attr", ""))
    return (named or constant.isupper()) and (len(node.args) >= 2 or "value" in given)


def _cookie(node: ast.Call, given: dict[str | None, ast.expr]) -> Iterator[Breach]:
    missing = [
        shown
        for key, shown in (("secure", "Secure"), ("httponly", "HttpOnly"))
        if key not in given or _is(given[key], False, None)
    ]
    if missing:
        said = f"A cookie is set without {' and '.join(missing)}."
        yield Breach("headers.cookie-insecure", node.lineno, said, confidence="MEDIUM")
    if _is(given.get("samesite"), "None", "none"):
        yield Breach("headers.cookie-same-site", node.lineno, "A cookie is sent along from everywhere.")


def _is(value: ast.expr | None, *constants: object) -> bool:
    if not isinstance(value, ast.Constant):
        return False
    return any(type(value.value) is type(one) and value.value == one for one in constants)


def _has_star(value: ast.expr) -> bool:
    return isinstance(value, (ast.List, ast.Tuple, ast.Set)) and "*" in _texts(value)


def _texts(value: ast.expr) -> list[str]:
    return [
        one.value for one in ast.walk(value) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
