"""What can be mended in one line of a file: one function for each rule of compliance-checker."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from . import own_settings
from .reason import Reason

_OLD_TLS = re.compile(r"\s+(SSLv2|SSLv3|TLSv1|TLSv1\.1)(?=[\s;])", re.IGNORECASE)
_TOKENS = re.compile(r"(\bserver_tokens\s+)on(\s*;)")
_COOKIE = re.compile(
    r"""(\b(?:SESSION_COOKIE_SECURE|SESSION_COOKIE_HTTPONLY|CSRF_COOKIE_SECURE)["']?\]?\s*[=:]\s*)False\b"""
)

LineFix = Callable[[str], str | Reason]
Place = Callable[[str, str, int], Reason | None]


def current_tls(line: str) -> str | Reason:
    """headers.tls-old: nginx no longer speaks the old versions, if current ones stand beside them."""
    if not re.search(r"\bssl_protocols\b.*\bTLSv1\.[23]\b", line):
        return Reason(
            "no current version stands beside the old ones: a person must say which clients there are"
        )
    return _OLD_TLS.sub("", line)


def no_version(line: str) -> str | Reason:
    """headers.version-shown: nginx does not tell its version."""
    return _once(_TOKENS, r"\1off\2", line)


def secure_cookie(line: str) -> str | Reason:
    """headers.cookie-insecure: the session's cookie, by its setting in Django or Flask."""
    return _once(_COOKIE, r"\1True", line)


LINE_FIXES: Mapping[str, LineFix] = {
    "headers.cookie-insecure": secure_cookie,
    "headers.tls-old": current_tls,
    "headers.version-shown": no_version,
}

# Where a rule's lines may be changed at all: by file, text and line.
PLACES: Mapping[str, Place] = {"headers.cookie-insecure": own_settings.not_own}


def _once(pattern: re.Pattern[str], by: str, line: str) -> str | Reason:
    result, count = pattern.subn(by, line)
    return result if count == 1 else Reason("the line is not written as the rule's plain case is")
