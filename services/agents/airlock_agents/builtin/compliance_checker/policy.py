"""What the caller wants rules to be: which speak and how loud, what is required, what is excused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ..findings.severities import Severity, at_least
from .globs import matches
from .rules.catalogue import RULES
from .rules.rule import Rule, Scope


@dataclass(frozen=True, slots=True)
class Setting:
    """What a policy says of one rule."""

    off: bool = False
    severity: Severity | None = None  # in place of the rule's own, and of what softens it
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Excuse:
    """An exception: this rule may be broken there, for a reason, perhaps until a day."""

    rule: str
    paths: tuple[str, ...]
    reason: str
    by: str | None = None
    expires: date | None = None  # the last day on which it holds

    def covers(self, rule: str, path: str) -> bool:
        """Tell whether a violation is one that it speaks of."""
        return rule == self.rule and any(matches(one, path) for one in self.paths)

    def expired(self, today: date) -> bool:
        """Tell whether it excuses no longer."""
        return self.expires is not None and today > self.expires


@dataclass(frozen=True, slots=True)
class Required:
    """Files that must be there: at least one fits one of the patterns."""

    any_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """All that a caller wants; without one, the rules' own defaults."""

    rules: Mapping[str, Setting] = field(default_factory=dict)
    scopes: frozenset[Scope] | None = None  # None: all
    allowed: tuple[str, ...] = ()  # licences, by SPDX id, `*` for any ending; none: all that are not denied
    denied: tuple[str, ...] | None = None  # None: what the project's own licence suggests
    required: tuple[Required, ...] = ()
    excuses: tuple[Excuse, ...] = ()
    fail_on: Severity = "HIGH"

    def speaks(self, rule: Rule) -> bool:
        """Tell whether a rule is not turned off."""
        return not self.rules.get(rule.id, Setting()).off

    def severity(self, rule: Rule, suggested: Severity | None = None) -> Severity:
        """Answer how loud a violation is: the policy's word, else the check's, else the rule's own."""
        return self.rules.get(rule.id, Setting()).severity or suggested or rule.severity

    def option(self, rule: str, name: str) -> Any:
        """Answer an option of a rule: the policy's, else the default."""
        setting = self.rules.get(rule, Setting())
        return setting.options.get(name, RULES[rule].options[name])

    def fails(self, severity: Severity) -> bool:
        """Tell whether a violation as loud as this makes the check not pass."""
        return at_least(severity, self.fail_on)
