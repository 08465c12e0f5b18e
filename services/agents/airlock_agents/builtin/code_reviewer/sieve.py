"""Which issues were asked for: of the types, as loud, and on the lines that somebody wants to hear about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from ..findings.collection import MAX_PER_FILE, Collection
from ..findings.finding import Naming
from ..findings.severities import Severity, at_least, in_test, is_test
from .issue import TYPES, Issue, Type
from .selection import Selection

OUTSIDE_DIFF = "outside the diff"  # how those are counted that the diff is not about
_ABOUT_TESTS = frozenset({"PLW0133"})  # an exception that is made and not raised


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asked for."""

    types: frozenset[Type] = frozenset(TYPES)
    floor: Severity = "LOW"
    chosen: Selection = field(default_factory=Selection)


class Sieve:
    """Takes the issues of one file, keeps the loudest that were asked for, and counts all that were."""

    def __init__(self, wish: Wish, path: str) -> None:
        self._wish = wish
        self._in_tests = is_test(PurePath(path))
        self._lines = wish.chosen.lines_of(path)
        self._naming = Naming(path)
        self._found = collection(MAX_PER_FILE)

    def add(self, issue: Issue) -> None:
        """Take an issue, if it was asked for; they come in the order of their lines."""
        issue = self._naming.named(issue)
        if self._in_tests:
            # A test that forgets to raise tests nothing.
            severity = "MEDIUM" if issue.rule in _ABOUT_TESTS else in_test(issue.severity)
            issue = replace(issue, in_tests=True, severity=severity)
        if issue.type not in self._wish.types or not at_least(issue.severity, self._wish.floor):
            return
        if self._lines is not None and self._lines.isdisjoint(
            range(issue.line, max(issue.line, issue.last_line) + 1)
        ):
            self._found.counts[OUTSIDE_DIFF] += 1
        else:
            self._found.add([issue])

    @property
    def loudest(self) -> tuple[Issue, ...]:
        """Answer the issues that are kept."""
        return tuple(self._found.loudest())

    @property
    def counts(self) -> Counter[str]:
        """Count all that were asked for."""
        return self._found.counts


def collection(most: int) -> Collection[Issue]:
    """Answer a collection that counts issues by their type."""
    return Collection(lambda one: one.type, most)
