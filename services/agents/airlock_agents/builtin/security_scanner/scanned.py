"""What a scan was asked for, and what it has to say of one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..findings.finding import Finding, Inspected
from ..findings.severities import Severity
from .dependencies.dependency import Dependency


@dataclass(frozen=True, slots=True)
class Scanned(Inspected):
    """What looking at one file gave: its loudest findings, counts of all of them, and its dependencies."""

    counts: Counter[str] = field(default_factory=Counter)
    dependencies: tuple[Dependency, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asked for."""

    types: frozenset[str]
    floor: Severity = "LOW"
    lower_tests: bool = True

    def asks(self, *kinds: str) -> bool:
        """Tell whether one of these scan types is wanted."""
        return "all" in self.types or not self.types.isdisjoint(kinds)


def tallied(findings: Iterable[Finding]) -> Counter[str]:
    """Count findings by severity, by type, and those that are suppressed or in tests."""
    counts: Counter[str] = Counter()
    for one in findings:
        counts.update(("total", one.severity, f"type {one.more['type']}"))
        counts["suppressed"] += one.suppressed
        counts["in tests"] += one.in_tests
    return counts
