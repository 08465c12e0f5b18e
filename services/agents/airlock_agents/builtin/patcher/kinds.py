"""What kinds of findings a proposal mends: those of security and of dependencies, others when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from .bumps.bump import Bump
from .line_edits import line_edit
from .line_rules import LINE_FIXES
from .rules import FIXES, IN_TESTS, OTHER_KIND, SUPPRESSED

Kind = Literal["security", "dependencies", "quality", "performance"]
DEFAULT: tuple[Kind, ...] = ("security", "dependencies")


class Wish(TypedDict, total=False):
    """What of the input says which findings are mended at all."""

    kinds: list[Kind]
    include_tests: bool


def kind_of(finding: Mapping[str, Any]) -> Kind | None:
    """Answer the kind of a finding that a tool may mend, None for one that it may not."""
    if bump_of(finding) is not None:
        return "dependencies"
    if finding["rule"] in FIXES or finding["rule"] in LINE_FIXES:
        return "security"
    if line_edit(finding) is None:
        return None
    match finding.get("type"):
        case "security":
            return "security"
        case "performance":
            return "performance"
        case _:
            return "quality"


def left_alone(finding: Mapping[str, Any], wish: Wish) -> str | None:
    """Answer what stands for the rule of a finding that is left as it is (LEFT_ALONE), else None."""
    if finding.get("in_tests", False) and not wish.get("include_tests", False):
        return IN_TESTS
    kind = kind_of(finding)
    if kind is None:
        return None
    # Who silenced a tool has looked at the place, and knows what the tool does not.
    if finding.get("suppressed", False):
        return SUPPRESSED
    return None if kind in wish.get("kinds", DEFAULT) else OTHER_KIND


def may_be_mended(finding: Mapping[str, Any], wish: Wish) -> bool:
    """Tell whether a tool would try to mend a finding; of what else is asked only the reason can be told."""
    return bool(finding.get("file")) and kind_of(finding) is not None and left_alone(finding, wish) is None


def bump_of(finding: Mapping[str, Any]) -> Bump | None:
    """Answer the bump that a vulnerable dependency needs, if its finding names a version without the flaw."""
    package, version, file = finding.get("package"), finding.get("fixed_in"), finding.get("file")
    if finding.get("tool") != "osv" or not package or not version or not file:
        return None
    return Bump(finding["id"], package, version, file=file)
