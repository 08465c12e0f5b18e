"""What a scan was asked for, and what it has to say of one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..findings.finding import Finding, Inspected
from ..findings.severities import Severity
from .dependencies.dependency import Dependency


@dataclass(frozen=True, slots=True)
class Scanned(Inspected):
    """What looking at one file gave: its loudest findings, and its dependencies."""

    dependencies: tuple[Dependency, ...] = ()
    spent: Mapping[str, float] = field(default_factory=dict, compare=False)  # seconds, by tool


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asked for."""

    types: frozenset[str]
    floor: Severity = "LOW"
    lower_tests: bool = True

    def asks(self, *kinds: str) -> bool:
        """Tell whether one of these scan types is wanted."""
        return "all" in self.types or not self.types.isdisjoint(kinds)


def kind_of(finding: Finding) -> str:
    """Answer the scan type by which a finding is counted."""
    return str(finding.more["type"])


def typed(findings: Iterable[Finding]) -> list[Finding]:
    """Give findings in dependencies their type, as those in files have it."""
    return [replace(one, more={"type": "dependencies", **one.more}) for one in findings]
