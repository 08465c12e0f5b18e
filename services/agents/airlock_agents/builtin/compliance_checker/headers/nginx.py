"""The rules about nginx."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..facts import Breach, Said, Serves, TextFile
from .values import check_header

_TOKEN = re.compile(r"#[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[{};]|[^\s{};\"'#][^\s{};]*|\n")
_OLD = frozenset({"sslv2", "sslv3", "tlsv1", "tlsv1.1"})
_REDIRECT = frozenset({"301", "302", "307", "308"})
_LOCAL = ("127.", "localhost", "unix:", "[::1]")
MAX_TOKENS = 200_000


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive, the words after its name, and the blocks that it stands in."""

    words: tuple[str, ...]
    line: int
    inside: tuple[int, ...]  # the lines on which the blocks around it start
    opens: bool  # it opens a block itself


def read_directives(text: str) -> Iterator[Directive]:
    """Read an nginx configuration; what is no such thing gives odd directives, and no harm."""
    line, count, blocks = 1, 0, list[int]()
    words: list[str] = []
    start = 1
    for found in _TOKEN.finditer(text):
        token, count = found[0], count + 1
        if count > MAX_TOKENS:
            return
        if token == "\n":
            line += 1
        elif token in "{;":
            if words:
                yield Directive(tuple(words), start, tuple(blocks), token == "{")
            if token == "{":
                blocks.append(start if words else line)
                if len(blocks) > 50:
                    return
            words = []
        elif token == "}":
            words = []
            if blocks:
                blocks.pop()
        elif not token.startswith("#"):
            if not words:
                start = line
            words.append(token[1:-1] if token[0] in "\"'" and len(token) > 1 else token)
            line += token.count("\n")


def looks_like_nginx(text: str) -> bool:
    """Tell whether a configuration is one of nginx that serves something."""
    return re.search(r"^\s{0,40}server\s{0,20}\{", text, re.MULTILINE) is not None


def check_nginx(file: TextFile, *, min_days: int) -> Iterator[Said]:
    """Hold an nginx configuration to its rules."""
    directives = list(read_directives(file.text))
    for one in directives:
        yield from _directive(one, min_days)
    own: dict[int, list[Directive]] = {}
    for one in directives:
        for block in one.inside:
            own.setdefault(block, []).append(one)
    for server in (one for one in directives if one.opens and one.words[0] == "server"):
        yield from _server(server, own.get(server.line, []))


def _directive(one: Directive, min_days: int) -> Iterator[Said]:
    name, *words = one.words
    if name == "add_header" and len(words) >= 2:
        yield from check_header(words[0], words[1], one.line, min_days=min_days)
        if words[0].lower() == "set-cookie":
            yield from check_cookie(words[1], one.line)
    elif name == "ssl_protocols":
        old = [word for word in words if word.lower() in _OLD]
        if old:
            yield Breach("headers.tls-old", one.line, f"{', '.join(old)} can still be spoken.")
    elif name == "server_tokens" and words == ["on"]:
        yield Breach("headers.version-shown", one.line, "The server tells its version.")


def check_cookie(value: str, line: int) -> Iterator[Breach]:
    """Judge a Set-Cookie header."""
    parts = {part.strip().lower() for part in value.split(";")}
    missing = [word for word in ("Secure", "HttpOnly") if word.lower() not in parts]
    if missing:
        yield Breach("headers.cookie-insecure", line, f"A cookie is set without {' and '.join(missing)}.")


def _server(server: Directive, own: Sequence[Directive]) -> Iterator[Said]:
    listens = [one for one in own if one.words[0] == "listen" and len(one.words) > 1]
    tls = any("ssl" in one.words or "quic" in one.words or one.words[1].endswith("443") for one in listens)
    tls = tls or any(one.words[0] == "ssl_certificate" for one in own)
    redirects = [one for one in own if _redirects(one)]
    serves = any(
        one.words[0] in ("proxy_pass", "root", "alias", "try_files", "fastcgi_pass", "uwsgi_pass")
        for one in own
    )
    local = bool(listens) and all(one.words[1].startswith(_LOCAL) for one in listens)
    if not serves or local or (redirects and not tls):
        return
    yield Serves(server.line, application=False)
    if not tls:
        place = listens[0].line if listens else server.line
        yield Breach("headers.plain-http", place, "The server answers over plain HTTP.", confidence="MEDIUM")


def _redirects(one: Directive) -> bool:
    words = one.words
    to_tls = any(word.startswith("https://") for word in words)
    return to_tls and (
        (words[0] == "return" and (words[1] in _REDIRECT or words[1].startswith("https://")))
        or (words[0] == "rewrite" and words[-1] in ("permanent", "redirect"))
    )
