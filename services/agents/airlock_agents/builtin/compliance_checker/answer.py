"""What the check says: the bounded answer, and the whole of it in artifacts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from ..findings import report
from ..findings.finding import Finding
from ..findings.sarif import sarif
from .rules.catalogue import RULES
from .verdict import Verdict

MAX_EXCEPTIONS = 50
_LISTS_BYTES = 320 * 1024  # rules and licences stand in the output, too
_EXCEPTIONS_BYTES = 60 * 1024
# What is about security, by scope, and by rule where the scope is about other things.
_SECURITY = ("secrets.", "headers.", "containers.", "ci.", "files.private-key", "files.environment-file")


def summary(verdict: Verdict, failing: int, *, strict: bool = False) -> dict[str, Any]:
    """Count what counts; suppressed violations are among all, and apart. A strict check has none aside."""
    return {
        "total": verdict.total,
        "failing": failing,
        "excepted": verdict.excused,
        "suppressed": verdict.suppressed,
        "aside_below_fail_on": 0 if strict else verdict.aside,
        "by_severity": dict(verdict.by_severity),
        "by_scope": _by_scope(verdict),
    }


def bounded(
    verdict: Verdict, excuses: list[dict[str, Any]], left_out: list[dict[str, str]]
) -> dict[str, Any]:
    """Answer the lists as they stand in the output, each cut where it grows beyond its bound."""
    total = verdict.total + verdict.excused
    return {
        **report.bounded("violations", verdict.violations, left_out, total=total, size=_LISTS_BYTES),
        "exceptions_used": report.cut(excuses, MAX_EXCEPTIONS, _EXCEPTIONS_BYTES),
        "exceptions_total": len(excuses),
    }


def full(verdict: Verdict, left_out: list[dict[str, str]], **more: Any) -> bytes:
    """Spell the report artifact: everything, with each rule's reason and remedy."""
    rules = {one.id: {"title": one.title, "why": one.why, "remedy": one.remedy} for one in RULES.values()}
    total = verdict.total + verdict.excused
    return report.full("violations", verdict.violations, left_out, total=total, rules=rules, **more)


def log(verdict: Verdict, version: str) -> bytes:
    """Spell the violations as SARIF, with our reasons; what is excused is marked so."""
    document = sarif(verdict.violations, "compliance-checker", version, kind=_kind)
    (run,) = document["runs"]
    for described in run["tool"]["driver"]["rules"]:
        rule = RULES[described["id"]]
        described["shortDescription"] = {"text": rule.title}
        described["fullDescription"] = {"text": rule.why}
        described["help"] = {"text": rule.remedy}
    for result, one in zip(run["results"], verdict.violations, strict=True):
        if one.more["excepted"]:
            result["suppressions"] = [{"kind": "external", "status": "accepted"}]
    return json.dumps(document, ensure_ascii=False).encode()


def first(violations: Sequence[Finding], most: int = 5) -> list[dict[str, Any]]:
    """Answer the loudest few, short, for a failure's details."""
    return [
        {"rule": one.rule, "severity": one.severity, "file": one.file[:200], "line": one.line or None}
        for one in violations[:most]
    ]


def day(today: date, source: str) -> dict[str, str]:
    """Say by which day expiries were judged, and where it came from."""
    return {"date": today.isoformat(), "date_from": source}


def _kind(violation: Finding) -> str:
    return "security" if violation.rule.startswith(_SECURITY) else RULES[violation.rule].scope


def _by_scope(verdict: Verdict) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(sorted({one.scope for one in RULES.values()}), 0)
    for rule, number in verdict.by_rule.items():
        counts[RULES[rule].scope] += number
    return counts
