"""Findings as they come from many files: all of them are counted, and as many kept as anybody reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, cast

from .finding import F, Finding, Inspected, rank
from .severities import SEVERITIES

MAX_FINDINGS = 50_000  # kept, the loudest: more say nothing that these do not
MAX_PER_FILE = 2_000  # of one file


def tallied(findings: Iterable[Finding], kind: Callable[[Any], str]) -> Counter[str]:
    """Count findings: all, by severity, by what `kind` calls them, those suppressed, those in tests."""
    counts: Counter[str] = Counter()
    for one in findings:
        counts.update(("total", one.severity, f"kind {kind(one)}"))
        counts["suppressed"] += one.suppressed
        counts["in tests"] += one.in_tests
    return counts


def loudest(findings: Iterable[F], most: int) -> list[F]:
    """Answer the most severe findings, at most so many, in an order that depends on nothing but them."""
    return sorted(findings, key=rank)[:most]


class Collection(Generic[F]):
    """Takes findings, keeps the loudest and counts all, by severity and by what `kind` calls them.

    They have their ids when they come: what is kept of them says nothing about those before.
    """

    def __init__(self, kind: Callable[[F], str], most: int = MAX_FINDINGS) -> None:
        self._kind = kind
        self._most = most
        self._kept: list[F] = []
        self.counts: Counter[str] = Counter()

    def take(self, inspected: Inspected) -> Inspected:
        """Take what a file gave, with its counts; answers what is left of it."""
        self.counts.update(inspected.counts)
        self._keep(cast("tuple[F, ...]", inspected.findings))
        return replace(inspected, findings=(), counts=Counter())

    def add(self, findings: Sequence[F]) -> None:
        """Take findings that nobody has counted."""
        self.counts.update(tallied(findings, self._kind))
        self._keep(findings)

    def loudest(self) -> list[F]:
        """Answer the findings that are kept, the loudest first."""
        return loudest(self._kept, self._most)

    def summary(self, kinds: Iterable[str]) -> dict[str, Any]:
        """Count all findings, kept or not, by severity and by each of these kinds."""
        return {
            "total": self.counts["total"],
            "by_severity": self.by_severity(),
            "by_type": self.by_kind(kinds),
            "suppressed": self.counts["suppressed"],
        }

    def by_severity(self) -> Mapping[str, int]:
        """Count all findings by severity."""
        return {one: self.counts[one] for one in SEVERITIES}

    def by_kind(self, kinds: Iterable[str]) -> Mapping[str, int]:
        """Count all findings of each of these kinds."""
        return {one: self.counts[f"kind {one}"] for one in kinds}

    def _keep(self, findings: Iterable[F]) -> None:
        self._kept += findings
        if len(self._kept) > 2 * self._most:
            self._kept = loudest(self._kept, self._most)
