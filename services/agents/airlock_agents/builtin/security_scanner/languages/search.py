"""All that is known of languages other than Python, on one file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from . import go, javascript, jvm, php, python_text, ruby, shell, sql, templates
from .lexer import lex
from .patterns import Hit, Pattern, search
from .regions import regions

TABLES: dict[str, tuple[Pattern, ...]] = {
    "javascript": javascript.TABLE,
    "php": php.TABLE,
    "java": jvm.TABLE,
    "kotlin": jvm.TABLE,
    "csharp": jvm.CSHARP,
    "go": go.TABLE,
    "ruby": ruby.TABLE,
    "shell": shell.TABLE,
    "python": python_text.TABLE,
    "template": templates.TABLE,
}

PIECE = 16 * 1024  # characters that patterns see at once of what may be bait
SECONDS_FOR_PIECES = 10.0


def search_file(path: str, text: str) -> Iterator[Hit]:
    """Find flaws in a file by the languages in it; a file of no known language has none."""
    for language, part in regions(path, text):
        yield from search_text(part, language)


def search_pieces(
    path: str, text: str, *, language: str | None = None, clock: Callable[[], float] = time.monotonic
) -> tuple[list[Hit], int | None]:
    """Find flaws in a text that may be bait: in pieces, for which no pattern needs long, and for a while.

    What begins in one piece and ends in the next is not seen. Answers the line, too, at which the time was
    over, if it was. `language` is that of the text where it is known.
    """
    found: list[Hit] = []
    end = clock() + SECONDS_FOR_PIECES
    parts = [(language, text)] if language is not None else regions(path, text)
    for one, part in parts:
        for line, piece in _pieces(part):
            if clock() > end:
                return found, line
            found += [replace(hit, line=line - 1 + hit.line) for hit in search_text(piece, one)]
    return found, None


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Cut a text at ends of lines, where lines are not too long for that; each piece with its first line."""
    start, line = 0, 1
    while start < len(text):
        end = start + PIECE
        if end < len(text):
            end = text.rfind("\n", start, end) + 1 or end
        yield line, text[start:end]
        line += text.count("\n", start, end)
        start = end


def search_text(text: str, language: str) -> Iterator[Hit]:
    """Find flaws in a text of one language, each at most once a line."""
    source = lex(text, language)
    best: dict[tuple[str, int], Hit] = {}
    for hit in (*search(source, TABLES[language]), *sql.search_sql(source)):
        known = best.setdefault((hit.rule, hit.line), hit)
        if known.confidence is not None and hit.confidence is None:
            best[hit.rule, hit.line] = (
                hit  # the rule's own confidence is above any that a pattern lowers it to
            )
    yield from best.values()
