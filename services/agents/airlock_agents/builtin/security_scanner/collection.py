"""Takes findings as they come, counts all of them, and keeps no more than memory and readers can hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..findings.finding import Finding, Inspected
from ..findings.severities import SEVERITIES
from .catalogue import SCAN_TYPES
from .dependencies.matching import Placed
from .scanned import Scanned, tallied

MAX_FINDINGS = 50_000  # kept, the loudest; more say nothing that these do not


class Collection:
    """The findings, counts and dependencies of all files."""

    def __init__(self, most: int = MAX_FINDINGS) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()
        self._findings: list[Finding] = []
        self.dependencies: list[Placed] = []

    def take(self, inspected: Inspected) -> Inspected:
        """Take what a file gave; answers what is left of it: its name, and why it was skipped."""
        if isinstance(inspected, Scanned):
            self._counts.update(inspected.counts)
            self._keep(inspected.findings)
            self.dependencies += [(inspected.file, one) for one in inspected.dependencies]
        return Inspected(inspected.file, skipped=inspected.skipped)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take findings that belong to more than one file."""
        found = list(findings)
        self._counts.update(tallied(found))
        self._keep(found)

    def findings(self) -> list[Finding]:
        """Answer the findings that are kept: the loudest, in the order of their files."""
        self._cut()
        return self._findings

    def summary(self) -> dict[str, Any]:
        """Count all findings, kept or not."""
        counts = self._counts
        return {
            "total": counts["total"],
            "by_severity": {one: counts[one] for one in SEVERITIES},
            "by_type": {one: counts[f"type {one}"] for one in SCAN_TYPES},
            "suppressed": counts["suppressed"],
            "in_tests": counts["in tests"],
            "in_tests_below_floor": counts["below the floor in tests"],
        }

    def _keep(self, findings: Iterable[Finding]) -> None:
        self._findings += findings
        if len(self._findings) > 2 * self._most:
            self._cut()

    def _cut(self) -> None:
        self._findings.sort(key=lambda one: (SEVERITIES.index(one.severity), one.file, one.line, one.rule))
        del self._findings[self._most :]


def typed(findings: Iterable[Finding]) -> list[Finding]:
    """Give findings in dependencies their type, as those in files have it."""
    return [replace(one, more={"type": "dependencies", **one.more}) for one in findings]
