"""The issues of all files: every one is counted, and as many are kept as anybody will read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..findings.severities import SEVERITIES, Severity, at_least, in_test
from .issue import TYPES, Issue, Type
from .selection import Selection

MAX_ISSUES = 50_000  # kept, and listed in the artifacts: more say nothing that these do not


class Collection:
    """Takes the issues that were asked for; beyond the bound, those of severity LOW are only counted."""

    def __init__(self, types: frozenset[Type], floor: Severity, chosen: Selection) -> None:
        self._types = types
        self._floor = floor
        self._chosen = chosen
        self._counts: Counter[str] = Counter()
        self.kept: list[Issue] = []

    def add(self, issues: Iterable[Issue], *, in_tests: bool) -> None:
        """Take the issues of a file."""
        if in_tests:
            issues = [replace(one, in_tests=True, severity=in_test(one.severity)) for one in issues]
        wanted = [one for one in issues if one.type in self._types and at_least(one.severity, self._floor)]
        changed = self._chosen.on_changed_lines(wanted)
        self._counts["outside_diff"] += len(wanted) - len(changed)
        for one in changed:
            self._counts.update(
                ("total", one.severity, one.type, *(["suppressed"] if one.suppressed else []))
            )
            if len(self.kept) < MAX_ISSUES or (one.severity != "LOW" and len(self.kept) < 2 * MAX_ISSUES):
                self.kept.append(one)

    def summary(self) -> dict[str, Any]:
        """Count issues by severity and by type; suppressed ones are counted among them, and apart."""
        return {
            "total": self._counts["total"],
            "by_severity": {one: self._counts[one] for one in SEVERITIES},
            "by_type": {one: self._counts[one] for one in TYPES},
            "suppressed": self._counts["suppressed"],
            "outside_diff": self._counts["outside_diff"],
            "listed": min(len(self.kept), MAX_ISSUES),
        }
