"""The scanner's own rules on one file: Python by its syntax tree, other languages by patterns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..findings.files import split_lines
from ..findings.finding import Finding, anchor
from ..findings.silencing import Silencing
from .catalogue import OWN
from .languages.patterns import Hit
from .languages.search import search_file, search_pieces, search_text
from .python.search import search_python
from .rules import bandit_severity

TOOL = "airlock"
_MINIFIED = 1_000  # characters of a line that nobody wrote by hand
_OF_BANDIT = {
    "B301": "MEDIUM",
    "B307": "MEDIUM",
    "B324": "HIGH",
    "B501": "HIGH",
    "B602": "HIGH",
    "B605": "HIGH",
}
_UNPARSED = "Seen in Python that cannot be parsed, where only its words can be judged ({rule})."


def check_python(text: str, shown: str, of_bandit: list[Finding]) -> list[Finding]:
    """Answer all findings in a Python file: bandit's, but for what is disproved, and our own.

    Raises what the parser raises.
    """
    searched = search_python(text)
    silencing = Silencing(split_lines(text))
    kept = [
        replace(one, suppressed=one.suppressed or silencing.covers(one.line))
        for one in of_bandit
        if one.rule != "B608" or one.line not in searched.fixed_sql
    ]
    hits = (Hit(rule, line) for rule, line in searched.hits)
    return [*kept, *_findings(hits, text, shown)]


def check_unparsed(text: str, shown: str) -> list[Finding]:
    """Answer what can be said of Python that cannot be parsed."""
    return _findings(search_text(text, "python"), text, shown)


def check_others(path: str, text: str, shown: str) -> list[Finding]:
    """Answer the findings in a file of any other language."""
    return _findings(search_file(path, text), text, shown)


def check_in_pieces(path: str, text: str, shown: str, *, python: bool) -> tuple[list[Finding], str | None]:
    """Answer what patterns find in a file that the tools did not survive, and whether time was short."""
    hits, stopped_at = search_pieces(path, text, language="python" if python else None)
    trouble = f"for flaws only up to line {stopped_at}" if stopped_at is not None else None
    return _findings(hits, text, shown), trouble


def at_lines(rule: str, lines: Iterable[int], text: str, shown: str) -> list[Finding]:
    """Answer findings of one rule at the lines where something else has seen it."""
    return _findings((Hit(rule, line) for line in lines), text, shown)


def _findings(hits: Iterable[Hit], text: str, shown: str) -> list[Finding]:
    found = list(hits)
    if not found:
        return []
    lines = split_lines(text)
    silencing = Silencing(lines)
    return [_finding(one, shown, lines, silencing) for one in found]


def _finding(hit: Hit, shown: str, lines: list[str], silencing: Silencing) -> Finding:
    rule = OWN.get(hit.rule)
    if rule is None:
        severity = bandit_severity(hit.rule, _OF_BANDIT.get(hit.rule, "MEDIUM"))
        confidence, message = "LOW", _UNPARSED.format(rule=hit.rule)
    else:
        made_by_machine = hit.line <= len(lines) and len(lines[hit.line - 1]) >= _MINIFIED
        confidence = "LOW" if made_by_machine else hit.confidence or rule.confidence
        message = rule.message
        # What is rather not a flaw than one is not shouted.
        severity = "MEDIUM" if hit.confidence == "LOW" and rule.severity == "HIGH" else rule.severity
    return Finding(
        rule=hit.rule,
        severity=severity,
        confidence=confidence,
        file=shown,
        line=hit.line,
        message=message,
        tool=TOOL,
        suppressed=silencing.covers(hit.line),
        anchor=anchor(lines[hit.line - 1]) if hit.line <= len(lines) else "",
    )
