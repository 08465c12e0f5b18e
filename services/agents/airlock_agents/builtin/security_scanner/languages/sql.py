"""SQL that is put together with values: in a string that holds them, by concatenation, or by a format."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .lexer import Lexed, Text
from .patterns import MAX_HITS, Hit

RULES = {
    "javascript": "js-sql-injection",
    "php": "php-sql-injection",
    "java": "jvm-sql-injection",
    "kotlin": "jvm-sql-injection",
    "csharp": "cs-sql-injection",
    "go": "go-sql-injection",
    "ruby": "ruby-sql-injection",
}

_STATEMENT = re.compile(
    r"\s*\(?\s*(?:SELECT\b[\s\S]{1,400}?\bFROM\b|INSERT\s+(?:IGNORE\s+)?INTO\b|UPDATE\s+\S{1,80}\s+SET\b|DELETE\s+FROM\b"
    r"|REPLACE\s+INTO\b|(?:WHERE|AND|OR)\s+\S{1,80}\s*(?:=|LIKE|IN|<|>)\s*\(?'?%?$)"
)
# In lower case these are also words of a sentence: it takes more to be a statement.
_LOWER = re.compile(
    r"\s*(?:select\s[\s\S]{1,400}?\sfrom\s+\S+[\s\S]{0,400}?\swhere\s[\s\S]{0,200}?(?:=|like|in)"
    r"|insert\s+into\s+\S+\s*\([\s\S]{0,400}?\bvalues\b|update\s+\S{1,80}\s+set\s+\S+\s*=|delete\s+from\s+\S+\s+where\s)"
)
_CONSTANT = re.compile(r"(?:[A-Za-z_]\w*(?:\.|::))*[A-Z][A-Z0-9_]*\b(?![\w(.\[])")
_STRUCTURE = re.compile(
    r"(?i)table|column|field|schema|prefix|order_?by|sort_?(?:by|col|dir)|placeholder|clause|cols?\b|dialect|where"
)
_FORMAT = re.compile(r"(?:format|[Ss]printf|Format|formatted)\s*\(\s*$")
_SLOT = re.compile(r"%\d*\$?[svq]|\{\d\}|\{\}")
_VALUES = {
    "javascript": re.compile(r"\$\{([^}]{0,200})"),
    "php": re.compile(r"\{?\$\{?([\w>\[\]'\"-]{1,80})"),
    "kotlin": re.compile(r"\$\{?([\w.]{1,80})"),
    "csharp": re.compile(r"\{([^{}]{1,200})\}"),
    "ruby": re.compile(r"#\{([^}]{0,200})"),
}
_TAGGED = re.compile(r"(?:\b(?:sql|SQL|Prisma\.sql|raw)|[\w)]\$?)$")
_SAFE_VALUE = re.compile(
    r"(?i)\b(?:escape|quote|sanitize_sql|intval|absint|Number|parseInt|to_i|int)\b|\.length\b|\(int\)"
)


def search_sql(source: Lexed) -> Iterator[Hit]:
    """Find statements with values in them; names of tables and columns are told apart, and weigh less."""
    rule = RULES.get(source.language)
    if rule is None:
        return
    seen: set[int] = set()
    inside = -1
    for index, text in enumerate(source.texts):
        if index <= inside or len(seen) >= MAX_HITS:
            continue
        values, last = _values(source, index)
        inside = last
        if values is None:
            continue
        line = source.line(text.start)
        if line not in seen and not all(_SAFE_VALUE.search(one) for one in values):
            seen.add(line)
            structure = all(_STRUCTURE.search(one) or _SAFE_VALUE.search(one) for one in values)
            yield Hit(rule, line, "LOW" if structure else None)


def _values(source: Lexed, index: int) -> tuple[list[str] | None, int]:
    """Answer the values in the statement that begins with a string (None: no such statement), and its last string."""
    text = source.texts[index]
    statement = text.content[:1_000]
    for step in range(20):
        text = source.texts[index]
        if text.interpolated:
            found = _VALUES[source.language].finditer(text.content[:20_000])
            values = [one for one in (match[1].strip() for match in found) if not _CONSTANT.fullmatch(one)]
            if values and _is_statement(statement) and not _tagged(source, text):
                return values, index
        if step == 0 and _SLOT.search(text.content) and _is_statement(statement):
            before = source.bare[max(0, text.start - 40) : text.start]
            if _FORMAT.search(before):
                rest = source.bare[text.end : text.end + 200].lstrip(" ,\n")
                return (None if _CONSTANT.match(rest) else [rest.split(")")[0]]), index
        operand = _next_operand(source, text)
        while operand is not None and (constant := _CONSTANT.match(source.bare, operand)):
            operand = _behind(source, constant.end())
        if operand is None:
            return None, index
        following = source.texts[index + 1] if index + 1 < len(source.texts) else None
        if following is None or following.start != operand:
            word = source.code[operand : operand + 100].split(";")[0].split("\n")[0]
            return ([word] if _is_statement(statement) and word.strip() else None), index
        index += 1
        statement = (statement + following.content)[:1_000]
    return None, index


def _is_statement(text: str) -> bool:
    return _STATEMENT.match(text) is not None or _LOWER.match(text) is not None


def _tagged(source: Lexed, text: Text) -> bool:
    """Tell whether a template belongs to a function (sql`...`), which binds its values."""
    if source.code[text.start] != "`" or source.language != "javascript":
        return False
    before = source.bare[max(0, text.start - 30) : text.start]
    return _TAGGED.search(before) is not None and not before.rstrip().endswith("return")


def _next_operand(source: Lexed, text: Text) -> int | None:
    return _behind(source, text.end)


def _behind(source: Lexed, place: int) -> int | None:
    """Answer where the operand behind a concatenation begins, if one stands at the place."""
    operator = re.escape(source.syntax.concatenation)
    found = re.compile(rf"\s{{0,200}}{operator}(?![+=])\s{{0,200}}").match(source.bare, place)
    return found.end() if found is not None else None
