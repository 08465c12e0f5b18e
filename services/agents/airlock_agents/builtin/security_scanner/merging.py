"""One finding where two rules say the same of a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..findings.finding import Finding
from ..findings.severities import SEVERITIES
from .passwords import merge_passwords

# Rules that name the same flaw; on one line the first of them that fired names the finding.
_SAME: tuple[tuple[str, ...], ...] = (
    ("B608", "B610", "B611", "py-sql-injection", "py-sql-names"),
    ("B602", "B605", "B604", "B609", "py-command-injection"),
    ("B502", "B503", "B504", "py-weak-tls"),
    ("B310", "py-ssrf"),
    ("B701", "B702", "B703", "B704", "B308", "py-template-injection", "py-reflected-xss"),
    ("B301", "B614", "py-unsafe-objects"),
    ("B304", "B305", "py-ecb-mode"),
    ("js-reflected-xss", "js-html-sink"),
    ("php-file-inclusion", "php-path-traversal"),
)
_GROUP = {rule: (group, rank) for group, rules in enumerate(_SAME) for rank, rule in enumerate(rules)}


def merge(findings: Sequence[Finding]) -> list[Finding]:
    """Merge what says the same of a line: the loudest severity stays, the other rules stand in `also`."""
    result: list[Finding] = []
    places: dict[tuple[int, int], int] = {}
    for one in sorted(merge_passwords(list(findings)), key=_order):
        group = _GROUP.get(one.rule)
        known = places.get((one.line, group[0])) if group is not None else None
        if known is not None:
            result[known] = _joined(result[known], one)
            continue
        if group is not None:
            places[one.line, group[0]] = len(result)
        result.append(one)
    return result


def _order(finding: Finding) -> tuple[int, int, str]:
    group = _GROUP.get(finding.rule)
    return (finding.line, group[1] if group is not None else 0, finding.rule)


def _joined(first: Finding, second: Finding) -> Finding:
    return replace(
        first,
        severity=min(first.severity, second.severity, key=SEVERITIES.index),
        suppressed=first.suppressed or second.suppressed,
        also=tuple(dict.fromkeys((*first.also, second.rule, *second.also))),
    )
