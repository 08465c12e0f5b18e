"""What the value of a header says, wherever it is set."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..facts import Breach, HeaderSent, Said

# The headers that rules ask for, and the rule that misses each.
WANTED = {
    "strict-transport-security": "headers.hsts-missing",
    "x-content-type-options": "headers.content-type-options-missing",
    "x-frame-options": "headers.frame-options-missing",
    "content-security-policy": "headers.csp-missing",
    "referrer-policy": "headers.referrer-policy-missing",
}
FRAMING = "x-frame-options"
_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,12})", re.IGNORECASE)
_DIRECTIVE = re.compile(r"(default-src|script-src(?:-elem)?)\s+([^;]{0,2000})", re.IGNORECASE)
_DAY = 86_400


def check_header(name: str, value: str, line: int, *, min_days: int) -> Iterator[Said]:
    """Note a header that is sent, and judge its value."""
    name = name.lower()
    if name in WANTED:
        yield HeaderSent(name)
    if name == "strict-transport-security":
        age = _AGE.search(value)
        if age is not None and int(age[1]) < min_days * _DAY:
            said = f"Strict-Transport-Security lasts {int(age[1])} s, less than {min_days} days."
            yield Breach("headers.hsts-weak", line, said)
    elif name == "content-security-policy":
        if "frame-ancestors" in value.lower():
            yield HeaderSent(FRAMING)
        yield from check_policy(value, line)
    elif name == "access-control-allow-origin" and value.strip() == "*":
        yield Breach("headers.cors-any", line, "Every origin may read the answers.")


def check_policy(value: str, line: int) -> Iterator[Breach]:
    """Judge a Content-Security-Policy: the sources that scripts may come from."""
    directives = {found[1].lower(): found[2].lower() for found in _DIRECTIVE.finditer(value)}
    chosen = next(
        (one for one in ("script-src", "script-src-elem", "default-src") if one in directives), None
    )
    if chosen is None:
        return
    sources = directives[chosen].split()
    strict = any(one.startswith(("'nonce-", "'sha")) for one in sources)  # then unsafe-inline is not heard
    bad = [one for one in sources if one == "'unsafe-eval'" or (one == "'unsafe-inline'" and not strict)]
    bad += [
        one
        for one in sources
        if one in ("*", "http:", "https:", "data:") and "'strict-dynamic'" not in sources
    ]
    if bad:
        yield Breach("headers.csp-unsafe", line, f"{chosen} allows {', '.join(sorted(set(bad)))}.")
