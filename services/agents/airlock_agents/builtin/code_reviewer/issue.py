"""One issue: a finding with its type, what to do and, where a tool knows it, the text to put there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from airlock_sdk.printable import one_line

from ..findings.finding import MAX_MESSAGE, Finding
from ..findings.severities import Severity

Type = Literal["quality", "security", "performance"]

TYPES: tuple[Type, ...] = ("quality", "security", "performance")

MAX_SUGGESTION = 300  # characters


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known of a rule: each issue says what is wrong here, why it matters and what to do."""

    type: Type
    severity: Severity
    why: str  # one sentence
    do: str  # one sentence
    what: str | None = None  # one sentence, {} is filled in; None for the tool's own words
    confidence: Literal["HIGH", "MEDIUM", "LOW"] = "HIGH"


@dataclass(frozen=True, slots=True)
class Replacement:
    """Lines to put in the place of others."""

    start_line: int  # from 1
    end_line: int  # the last one that is replaced
    text: str  # without the newline at its end; empty where the lines go


@dataclass(frozen=True, slots=True)
class Issue(Finding):
    """What a reviewer says about one place."""

    type: Type = "quality"
    suggestion: str = ""
    replacement: Replacement | None = None
    last_line: int = 0  # of the function, where the issue is about all of it; not shown

    def shown(self) -> dict[str, Any]:
        """Answer the issue as it stands in outputs."""
        put = self.replacement
        return {
            **Finding.shown(self),  # no super(): a class with slots is made anew
            "type": self.type,
            "suggestion": self.suggestion,
            "replacement": asdict(put) if put is not None else None,
        }


def issue(
    name: str,
    rule: Rule,
    *,
    said: str,
    file: str,
    line: int,
    tool: str,
    anchor: str,
    suppressed: bool = False,
    replacement: Replacement | None = None,
    last_line: int = 0,
) -> Issue:
    """Spell an issue by its rule; `said` is what the tool says is wrong."""
    what = one_line(said.strip().rstrip("."), MAX_MESSAGE - len(rule.why) - 2)
    return Issue(
        rule=name,
        severity=rule.severity,
        confidence=rule.confidence,
        file=file,
        line=line,
        message=f"{what}. {rule.why}",
        tool=tool,
        suppressed=suppressed,
        anchor=anchor,
        type=rule.type,
        suggestion=rule.do,
        replacement=replacement,
        last_line=last_line,
    )
