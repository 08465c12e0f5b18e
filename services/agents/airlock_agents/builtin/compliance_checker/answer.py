"""What the check says: the bounded answer, and the whole of it in artifacts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from ..findings.finding import Finding
from ..findings.sarif import sarif
from ..findings.severities import SEVERITIES
from .rules.catalogue import RULES
from .verdict import MAX_VIOLATIONS, Verdict

MAX_SHOWN = 200
MAX_SKIPPED = 100
MAX_EXCEPTIONS = 50
_BYTES = {"violations": 260 * 1024, "skipped": 60 * 1024, "exceptions_used": 60 * 1024}


def summary(verdict: Verdict, failing: int) -> dict[str, Any]:
    """Count what counts; suppressed violations are among all, and apart."""
    counted = [one for one in verdict.violations if not one.more["excepted"]]
    return {
        "total": verdict.total,
        "failing": failing,
        "excepted": verdict.excused,
        "suppressed": sum(one.suppressed for one in counted),
        "by_severity": {one: verdict.by_severity[one] for one in SEVERITIES},
        "by_scope": _by_scope(verdict),
    }


def bounded(
    verdict: Verdict, excuses: list[dict[str, Any]], left_out: list[dict[str, str]]
) -> dict[str, Any]:
    """Answer the lists as they stand in the output, each cut where it grows beyond its bound."""
    shown = [one.shown() for one in verdict.violations[:MAX_SHOWN]]
    kept = _cut(shown, MAX_SHOWN, _BYTES["violations"])
    return {
        "violations": kept,
        "truncated": len(kept) < verdict.total + verdict.excused,
        "exceptions_used": _cut(excuses, MAX_EXCEPTIONS, _BYTES["exceptions_used"]),
        "exceptions_total": len(excuses),
        "skipped": _cut(left_out, MAX_SKIPPED, _BYTES["skipped"]),
        "skipped_total": len(left_out),
    }


def report(verdict: Verdict, left_out: list[dict[str, str]], **more: Any) -> bytes:
    """Spell the report artifact: everything, with each rule's reason and remedy."""
    document = {
        "version": 1,
        **more,
        "violations": [one.shown() for one in verdict.violations],
        "violations_left_out": verdict.total + verdict.excused - len(verdict.violations),
        "most_violations": MAX_VIOLATIONS,
        "rules": {
            one.id: {"title": one.title, "why": one.why, "remedy": one.remedy} for one in RULES.values()
        },
        "skipped": left_out,
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def log(verdict: Verdict, version: str) -> bytes:
    """Spell the violations as SARIF, with our reasons; what is excused is marked so."""
    document = sarif(verdict.violations, "compliance-checker", version)
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
        {"rule": one.rule, "severity": one.severity, "file": one.file[:200], "line": one.line}
        for one in violations[:most]
    ]


def day(today: date, source: str) -> dict[str, str]:
    """Say by which day expiries were judged, and where it came from."""
    return {"date": today.isoformat(), "date_from": source}


def _by_scope(verdict: Verdict) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(sorted({one.scope for one in RULES.values()}), 0)
    for rule, number in verdict.by_rule.items():
        counts[RULES[rule].scope] += number
    return counts


def _cut(items: list[Any], most: int, size: int) -> list[Any]:
    kept: list[Any] = []
    for item in items[:most]:
        size -= len(json.dumps(item).encode()) + 1
        if size < 0:
            break
        kept.append(item)
    return kept
