"""Which part of a file is written in which language: pages hold scripts, and PHP stands in pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .syntax import languages_of

_SCRIPT = re.compile(r"(?i)<script\b([^>]{0,500})>([\s\S]*?)(?:</script\s*>|\Z)")
_NO_CODE = re.compile(r"(?i)\btype\s*=\s*[\"']?(?:application/(?:ld\+)?json|text/(?:template|html|x-))")
_PHP = re.compile(r"<\?(?:php\b|=)([\s\S]*?)(?:\?>|\Z)")
_TAGS = re.compile(r"(?i)<(?:html|head|body|div|form|table|p|a|script)\b")
_VISIBLE = re.compile(r"[^\n]")


def regions(path: str, text: str) -> Iterator[tuple[str, str]]:
    """Answer (language, text) for each language of a file; what is not of it is blank, so that places stay."""
    languages = languages_of(path, text)
    for language in sorted(languages):
        yield language, _only(_PHP, text, group=0) if language == "php" else text
    is_page = "template" in languages or ("php" in languages and _TAGS.search(text) is not None)
    if is_page and "javascript" not in languages:
        scripts = _only(_SCRIPT, text, group=2)
        if scripts.strip():
            yield "javascript", scripts


def _only(pattern: re.Pattern[str], text: str, *, group: int) -> str:
    parts, done = [], 0
    for found in pattern.finditer(text):
        if group == 2 and _NO_CODE.search(found.group(1)):
            continue
        start, end = found.span(group)
        parts += [_VISIBLE.sub(" ", text[done:start]), text[start:end]]
        done = end
    return "".join([*parts, _VISIBLE.sub(" ", text[done:])])
