"""Makes violations of breaches: the policy decides which count, how loud they are, and which are excused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePath
from typing import Any

from airlock_sdk.printable import one_line

from ..findings.collection import MAX_FINDINGS, Collection
from ..findings.finding import MAX_MESSAGE, Finding, Naming, printable
from ..findings.others import is_others
from ..findings.severities import SEVERITIES, Severity, in_test, is_test
from .folding import folded
from .policy import Excuse, Policy
from .rules.catalogue import RULES
from .rules.rule import Kind, Rule, Scope
from .tree import Placed

_ABOUT_OTHERS = ("licences.dependency-",)  # are meant for others' code, and so not softened there


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the workspace is charged with, and what excuses it."""

    violations: tuple[Finding, ...]  # those that count first, then the excused ones; the loudest of many
    total: int  # those that count, also beyond the list
    excused: int
    suppressed: int  # of those that count
    by_severity: Mapping[str, int]
    by_rule: Mapping[str, int]
    excused_by_rule: Mapping[str, int]
    aside: int  # that do not fail the check only because of where they stand: in tests, in others' code
    uses: tuple[int, ...]  # how often each of the policy's exceptions excused

    def failing(self, policy: Policy, strict: bool) -> int:
        """Count the violations for which the check does not pass."""
        return sum(n for one, n in self.by_severity.items() if strict or policy.fails(_severity(one)))


def judge(placed: Iterable[Placed], policy: Policy, scopes: frozenset[Scope], today: date) -> Verdict:
    """Decide on each breach."""
    charged: Collection[Finding] = Collection(lambda one: one.rule)
    excused: Collection[Finding] = Collection(lambda one: one.rule)
    uses = [0] * len(policy.excuses)
    aside = 0
    heard = frozenset(one.id for one in RULES.values() if one.belongs_to(scopes) and policy.speaks(one))
    for one in folded(_named(placed), heard):
        rule = RULES[one.breach.rule]
        number = _excuse(rule, one.path, policy.excuses, today)
        finding = _finding(one, rule, policy, excepted=number is not None)
        if number is None:
            charged.add([finding])
            elsewhere = finding.unlowered or finding.severity
            aside += policy.fails(elsewhere) and not policy.fails(finding.severity)
        else:
            uses[number] += 1
            excused.add([finding])
    return Verdict(
        violations=tuple([*charged.loudest(), *excused.loudest()][:MAX_FINDINGS]),
        total=charged.counts["total"],
        excused=excused.counts["total"],
        suppressed=charged.counts["suppressed"],
        by_severity=charged.by_severity(),
        by_rule=charged.by_kind(RULES),
        excused_by_rule=excused.by_kind(RULES),
        aside=aside,
        uses=tuple(uses),
    )


def _named(placed: Iterable[Placed]) -> list[Placed]:
    """Give all breaches their ids: they depend neither on the policy nor on what it excuses."""
    naming = Naming()
    in_order = sorted(placed, key=lambda one: (one.path, one.breach.line, one.breach.rule))
    return [replace(one, id=naming.id_of(one.breach.rule, one.path, one.anchor)) for one in in_order]


def _severity(text: str) -> Severity:
    return next(one for one in SEVERITIES if one == text)


def _excuse(rule: Rule, path: str, excuses: Sequence[Excuse], today: date) -> int | None:
    for number, one in enumerate(excuses):
        if one.covers(rule.id, path) and not one.expired(today):
            return number
    return None


def _finding(one: Placed, rule: Rule, policy: Policy, *, excepted: bool) -> Finding:
    path = PurePath(one.path)
    tests, foreign = is_test(path), is_others(one.path)
    elsewhere = own = one.breach.severity or rule.severity
    if (tests or foreign) and not rule.id.startswith(_ABOUT_OTHERS):
        own = in_test(own)
    more: dict[str, Any] = {
        "scope": rule.scope,
        "remedy": rule.remedy,
        "vendored": foreign,
        "excepted": excepted,
    }
    return Finding(
        rule=rule.id,
        severity=policy.severity(rule, own),
        confidence=one.breach.confidence,
        file=printable(one.path),
        line=max(0, one.breach.line),
        message=one_line(one.breach.message, MAX_MESSAGE),
        tool=one.breach.tool,
        suppressed=one.breach.suppressed,
        unlowered=policy.severity(rule, elsewhere),
        also=one.breach.also[:40],
        in_tests=tests,
        anchor=one.anchor,
        id=one.id,
        more=more,
    )


def rules_applied(
    verdict: Verdict, policy: Policy, scopes: frozenset[Scope], kinds: Mapping[Kind, int]
) -> list[dict[str, Any]]:
    """List every rule: how loud it was, what it looked at, what came of it; or why it was not applied."""
    rows = []
    for rule in RULES.values():
        checked = sum(kinds.get(one, 0) for one in rule.looks_at)
        why = _not_applied(rule, policy, scopes, checked)
        rows.append(
            {
                "id": rule.id,
                "scope": rule.scope,
                "severity": policy.severity(rule),
                "title": rule.title,
                "applied": why is None,
                "reason": why or "",
                "checked": checked if why is None else 0,
                "violations": verdict.by_rule.get(rule.id, 0),
                "exceptions": verdict.excused_by_rule.get(rule.id, 0),
            }
        )
    return rows


def _not_applied(rule: Rule, policy: Policy, scopes: frozenset[Scope], checked: int) -> str | None:
    if not rule.belongs_to(scopes):
        return "its scope was not asked for"
    if not policy.speaks(rule):
        return "the policy turns it off"
    if rule.id == "files.required-missing" and not policy.required:
        return "the policy requires no files"
    if rule.id == "licences.dependency-not-allowed" and not policy.allowed:
        return "the policy has no list of allowed licences"
    if not checked:
        return f"there is no {' and no '.join(rule.looks_at)}"
    return None


def exceptions(verdict: Verdict, policy: Policy, today: date) -> list[dict[str, Any]]:
    """List the policy's exceptions: which excused something, which nothing, and which no longer hold."""
    return [
        {
            "rule": one.rule,
            "paths": list(one.paths[:20]),
            "reason": one.reason,
            "by": one.by,
            "expires": one.expires.isoformat() if one.expires else None,
            "status": "expired" if one.expired(today) else "used" if used else "unused",
            "violations": used,
        }
        for one, used in zip(policy.excuses, verdict.uses, strict=True)
    ]
