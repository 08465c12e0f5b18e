"""The rules about Apache and Caddy, both read by lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..facts import Breach, Said, Serves, TextFile
from .nginx import check_cookie
from .values import check_header

_WORD = re.compile(r"\"((?:\\.|[^\"\\]){0,4000})\"|(\S{1,4000})")
_OLD = re.compile(r"(?i)\+?(?:SSLv3|TLSv1(?:\.1)?|all)\Z")
_OLD_CADDY = re.compile(r"(?i)tls1\.[01]\Z|ssl3\.0\Z")
_HOST = re.compile(r"<VirtualHost\s+([^>\s]{1,200})", re.IGNORECASE)


def check_apache(file: TextFile, *, min_days: int) -> Iterator[Said]:
    """Hold an Apache configuration to its rules."""
    serves: int | None = None
    for number, line in enumerate(file.lines, start=1):
        words = _words(line)
        if not words or words[0].startswith("#"):
            continue
        name = words[0].lower()
        if name == "header" and len(words) >= 3:
            rest = [word for word in words[1:] if word.lower() not in ("always", "onsuccess")]
            if len(rest) >= 3 and rest[0].lower() in ("set", "append", "add", "setifempty", "merge"):
                yield from check_header(rest[1], rest[2], number, min_days=min_days)
                if rest[1].lower() == "set-cookie":
                    yield from check_cookie(rest[2], number)
        elif name == "sslprotocol":
            yield from _apache_protocols(words[1:], number)
        elif (
            name == "servertokens"
            and len(words) > 1
            and words[1].lower() in ("full", "os", "minor", "min", "minimal")
        ):
            yield Breach("headers.version-shown", number, "The server tells its version.")
        elif _HOST.match(line.strip()) and serves is None:
            serves = number
    if serves is not None:
        yield Serves(serves, application=False)


def _apache_protocols(words: list[str], line: int) -> Iterator[Breach]:
    taken = {word.lower().lstrip("-") for word in words if word.startswith("-")}
    old = [word for word in words if not word.startswith("-") and _OLD.match(word)]
    if any(word.lower().lstrip("+") == "all" for word in old):
        old = [one for one in ("TLSv1", "TLSv1.1") if one.lower() not in taken]
    if old:
        yield Breach("headers.tls-old", line, f"{', '.join(old)} can still be spoken.")


def check_caddy(file: TextFile, *, min_days: int) -> Iterator[Said]:
    """Hold a Caddyfile to its rules; Caddy redirects to HTTPS by itself."""
    inside, serves = False, None
    for number, line in enumerate(file.lines, start=1):
        words = _words(line)
        if not words or words[0].startswith("#"):
            continue
        if serves is None and words[-1] == "{" and not words[0].startswith(("{", "(")):
            serves = number
        if words[0] == "header":
            rest = [word for word in words[1:] if not word.startswith(("/", "*", "@"))]
            inside = rest[-1:] == ["{"]
            if not inside and len(rest) >= 2:
                yield from check_header(rest[0].lstrip("+?>"), rest[1], number, min_days=min_days)
        elif words[0] == "}":
            inside = False
        elif inside and len(words) >= 2 and not words[0].startswith("-"):
            yield from check_header(words[0].lstrip("+?>"), words[1], number, min_days=min_days)
        elif words[0] == "protocols" and any(_OLD_CADDY.match(word) for word in words[1:]):
            yield Breach("headers.tls-old", number, "Old versions of TLS can still be spoken.")
        elif words[0].startswith("http://") and words[-1] == "{" and "localhost" not in words[0]:
            yield Breach(
                "headers.plain-http", number, "The site answers over plain HTTP.", confidence="MEDIUM"
            )
    if serves is not None:
        yield Serves(serves, application=False)


def _words(line: str) -> list[str]:
    return [found[1] if found[1] is not None else found[2] for found in _WORD.finditer(line)][:200]
