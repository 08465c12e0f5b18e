"""What a pattern is, and how a source is searched with a language's table of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from .lexer import Lexed

MAX_HITS = 5_000  # of one pattern in one file: more say nothing that these do not

# What a value is called that nobody may guess.
TELLING = re.compile(
    r"(?i)token|passw|secret|session|nonce|csrf|otp\b|salt\b|api_?key|reset|invit|voucher|coupon|captcha"
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way in which a rule's flaw is written."""

    rule: str
    look: re.Pattern[str]
    view: Literal["code", "bare"] = "code"  # bare: for what must not be found inside a string
    unless: re.Pattern[str] | None = None  # on the same line, in code
    near: re.Pattern[str] | None = None  # must be on the same line
    file_has: re.Pattern[str] | None = None
    file_lacks: re.Pattern[str] | None = None
    confidence: str | None = None  # where it is not the rule's own


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule's flaw at a line."""

    rule: str
    line: int
    confidence: str | None = None


def pattern(
    rule: str,
    look: str,
    *,
    view: Literal["code", "bare"] = "code",
    unless: str | None = None,
    near: str | re.Pattern[str] | None = None,
    file_has: str | None = None,
    file_lacks: str | None = None,
    confidence: str | None = None,
) -> Pattern:
    """Spell a pattern; every quantifier over any text in it must have a bound.

    A finding stands where the match begins, or where its group `at` does.
    """
    return Pattern(
        rule,
        re.compile(look),
        view,
        _compiled(unless),
        _compiled(near),
        _compiled(file_has),
        _compiled(file_lacks),
        confidence,
    )


def search(source: Lexed, table: Sequence[Pattern]) -> Iterator[Hit]:
    """Find each pattern of a table in a source, at most once a line."""
    for one in table:
        if one.file_has is not None and not one.file_has.search(source.code):
            continue
        if one.file_lacks is not None and one.file_lacks.search(source.code):
            continue
        view = source.bare if one.view == "bare" else source.code
        seen: set[int] = set()
        for found in one.look.finditer(view):
            place = found.start() + len(found.group()) - len(found.group().lstrip())
            if "at" in one.look.groupindex:
                place = found.start("at")
            line = source.line(place)
            if line in seen:
                continue
            # Only the neighbourhood counts, and costs: a line may be the whole file.
            around = source.line_text(place, source.code) if _short(source, line) else found.group()
            if one.unless is not None and one.unless.search(around):
                continue
            if one.near is not None and not one.near.search(around):
                continue
            seen.add(line)
            yield Hit(one.rule, line, one.confidence)
            if len(seen) >= MAX_HITS:
                break


def _short(source: Lexed, line: int) -> bool:
    end = source.starts[line] if line < len(source.starts) else len(source.code)
    return end - source.starts[line - 1] < 2_000


def _compiled(text: str | re.Pattern[str] | None) -> re.Pattern[str] | None:
    return re.compile(text) if isinstance(text, str) else text
