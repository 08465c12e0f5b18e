"""Tells code from comments and strings, well enough for patterns: not a parser, and never wrong about places."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache

from .syntax import SYNTAXES, Syntax

INTERPOLATED = "\x02"  # stands first in the blanked content of a string that holds values
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_VISIBLE = re.compile(r"[^\n]")
_BLOCKS = (("/*", "*/"), ("<!--", "-->"), ("{#", "#}"), ("{{!--", "--}}"), ("=begin", "\n=end"))


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal: where it stands, quotes included, and what is in it."""

    start: int
    end: int
    content: str
    interpolated: bool


@dataclass(frozen=True, slots=True)
class Lexed:
    """A source in two views of the same length, so that a place in one is the same place in the other."""

    language: str
    syntax: Syntax
    code: str  # comments are blank
    bare: str  # what strings hold is blank, too
    texts: tuple[Text, ...]
    starts: tuple[int, ...]  # where each line begins

    def line(self, place: int) -> int:
        """Answer the number of the line, from 1, at a place."""
        return bisect_right(self.starts, place)

    def line_text(self, place: int, view: str) -> str:
        """Answer the line at a place, as it stands in one of the views."""
        number = self.line(place)
        end = self.starts[number] if number < len(self.starts) else len(view)
        return view[self.starts[number - 1] : end]


def lex(source: str, language: str) -> Lexed:
    """Read a source. A comment or string that never ends hides nothing: the rest is read as code."""
    syntax = SYNTAXES[language]
    source = _CONTROLS.sub(" ", source)
    code, bare, texts = [], [], []
    done = 0
    for found in _pattern(language).finditer(source):
        token, start, end = found.group(), *found.span()
        if not _closed(token, comment=found.group("comment") is not None):
            continue  # an apostrophe in a page's text, or what never ends: code, all the same
        if found.group("comment") is not None:
            blank = _VISIBLE.sub(" ", token)
            code += [source[done:start], blank]
            bare += [source[done:start], blank]
        else:
            text = _text(found, syntax)
            texts.append(text)
            code += [source[done:start], token]
            bare += [source[done:start], _hollow(token, interpolated=text.interpolated)]
        done = end
    rest = source[done:]
    starts = (0, *(match.end() for match in re.finditer("\n", source)))
    return Lexed(language, syntax, "".join([*code, rest]), "".join([*bare, rest]), tuple(texts), starts)


@cache
def _pattern(language: str) -> re.Pattern[str]:
    return SYNTAXES[language].pattern()


@cache
def _interpolation(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _closed(token: str, *, comment: bool) -> bool:
    if comment:
        closing = next((end for start, end in _BLOCKS if token.startswith(start)), "")
        return token.endswith(closing)
    if token.startswith('"""'):
        return len(token) >= 6 and token.endswith('"""')
    return len(token) > 1 and (token[-1] in "\"'`}/" or "/" in token[:1] or token.startswith("<<"))


def _text(found: re.Match[str], syntax: Syntax) -> Text:
    token = found.group()
    opening = token[0]
    content = token.strip("@$").strip("\"'`")
    if syntax.interpolation is None or opening not in syntax.interpolating or token.startswith("<<<'"):
        return Text(found.start(), found.end(), content, interpolated=False)
    values = _interpolation(syntax.interpolation).search(content)
    return Text(found.start(), found.end(), content, interpolated=values is not None)


def _hollow(token: str, *, interpolated: bool) -> str:
    """Answer a string with its quotes and nothing between them but a mark, where it holds values."""
    if len(token) < 3:
        return token
    head = 1
    while head < len(token) - 1 and token[head - 1] not in "\"'`<%/":
        head += 1  # a prefix: $"..." and f"..."
    inside = _VISIBLE.sub(" ", token[head:-1])
    if interpolated and inside:
        inside = (INTERPOLATED if inside[0] != "\n" else "\n") + inside[1:]
    return token[:head] + inside + token[-1]
