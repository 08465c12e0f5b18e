"""The rules about headers in JavaScript, in HTML, in header files; other languages go by names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..facts import Breach, HeaderSent, Said, Serves, TextFile
from .values import WANTED, check_header, check_policy

_PAIR = re.compile(
    r"['\"`]((?:strict-transport-security|x-content-type-options|x-frame-options|content-security-policy"
    r"|referrer-policy|access-control-allow-origin))['\"`]\s{0,20}[,:]\s{0,20}(['\"`])((?:(?!\2).){0,2000})\2",
    re.IGNORECASE,
)
_EXPRESS = re.compile(r"=\s{0,10}(?:express|new\s+Koa|fastify)\s{0,5}\(")
_HELMET = re.compile(r"\bhelmet\s{0,5}\(")
_NO_POLICY = re.compile(r"contentSecurityPolicy\s{0,5}:\s{0,5}false")
_ANY_ORIGIN = re.compile(r"\bcors\(\s{0,10}\)|\borigin\s{0,5}:\s{0,5}['\"]\*['\"]")
_COOKIE_OFF = re.compile(r"\b(secure|httpOnly)\s{0,5}:\s{0,5}false\b")
_SAME_SITE = re.compile(r"\bsameSite\s{0,5}:\s{0,5}['\"]none['\"]", re.IGNORECASE)
_SET_COOKIE = re.compile(r"\bres(?:ponse)?\.cookie\s{0,5}\(")
_COOKIE_WORD = re.compile(r"cookie|session", re.IGNORECASE)
_META = re.compile(r"<meta\b[^>]{0,3000}>", re.IGNORECASE)
_IS_POLICY = re.compile(r"http-equiv\s*=\s*[\"']?content-security-policy[\"'\s]", re.IGNORECASE)
_CONTENT = re.compile(r"content\s*=\s*(\"([^\"]{0,2500})\"|'([^']{0,2500})')", re.IGNORECASE)
_LINE = re.compile(r"\s{1,20}([A-Za-z-]{3,60}):\s{0,10}(.{0,2000})")
_AROUND = 6  # lines in which the options of a call stand


def check_javascript(file: TextFile, *, min_days: int) -> Iterator[Said]:
    """Look at a JavaScript or TypeScript file, by lines."""
    for number, line in enumerate(file.lines, start=1):
        if line.lstrip().startswith(("//", "*", "/*")):
            continue
        for found in _PAIR.finditer(line):
            yield from check_header(found[1], found[3], number, min_days=min_days)
        if _EXPRESS.search(line):
            yield Serves(number, application=True)
        if _HELMET.search(line):
            after = "\n".join(file.lines[number - 1 : number + _AROUND])
            off = _NO_POLICY.search(after) is not None
            yield from (HeaderSent(one) for one in WANTED if one != "content-security-policy" or not off)
        if _ANY_ORIGIN.search(line):
            said = "Every origin may read the answers."
            yield Breach("headers.cors-any", number, said, confidence="MEDIUM")
        yield from _cookies(file, number, line)


def _cookies(file: TextFile, number: int, line: str) -> Iterator[Breach]:
    if found := _COOKIE_OFF.search(line):
        before = "\n".join(file.lines[max(0, number - _AROUND) : number])
        if _COOKIE_WORD.search(before):
            yield Breach("headers.cookie-insecure", number, f"{found[1]} is off for a cookie.")
    if _SAME_SITE.search(line):
        yield Breach("headers.cookie-same-site", number, "A cookie is sent along from everywhere.")
    if found := _SET_COOKIE.search(line):
        call = _call("\n".join((line[found.start() :], *file.lines[number : number + _AROUND])))
        missing = [word for word in ("secure", "httpOnly") if word not in call]
        if missing and "..." not in call and "ptions" not in call:
            said = f"A cookie is set without {' and '.join(missing)}."
            yield Breach("headers.cookie-insecure", number, said, confidence="MEDIUM")


def _call(text: str) -> str:
    """Cut a text behind the bracket that closes the first one."""
    depth = 0
    for at, char in enumerate(text[:2000]):
        depth += (char == "(") - (char == ")")
        if char == ")" and depth == 0:
            return text[:at]
    return text


def check_html(file: TextFile) -> Iterator[Said]:
    """Judge the policies in a page's meta elements; frame-ancestors is not heard there."""
    text = file.text
    for found in _META.finditer(text):
        content = _CONTENT.search(found[0])
        if _IS_POLICY.search(found[0]) and content is not None:
            value = content[2] if content[2] is not None else content[3]
            yield HeaderSent("content-security-policy")
            yield from check_policy(value, text.count("\n", 0, found.start()) + 1)


def check_headers_file(file: TextFile, *, min_days: int) -> Iterator[Said]:
    """Look at a `_headers` file, by which hosts of static pages are told what to send."""
    yield Serves(1, application=False)
    for number, line in enumerate(file.lines, start=1):
        if found := _LINE.fullmatch(line):
            yield from check_header(found[1], found[2], number, min_days=min_days)


def mentioned(file: TextFile) -> Iterator[HeaderSent]:
    """Note headers that a program in any other language names: it is taken to send them."""
    text = file.text.lower()
    yield from (HeaderSent(one) for one in WANTED if one in text)
