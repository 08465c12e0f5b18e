"""All that is known of languages other than Python, on one file."""

from __future__ import annotations

from collections.abc import Iterator

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


def search_file(path: str, text: str) -> Iterator[Hit]:
    """Find flaws in a file by the languages in it; a file of no known language has none."""
    for language, part in regions(path, text):
        yield from search_text(part, language)


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
