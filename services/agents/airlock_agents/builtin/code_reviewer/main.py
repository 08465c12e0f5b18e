"""The agent `code-reviewer`: its one action, review."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import Any, TypedDict, cast

from airlock_sdk import Agent, Context

from ..findings.files import list_sources
from ..findings.finding import Inspected, named, printable
from ..findings.inspection import inspect_all
from ..findings.severities import Severity, at_least, in_test, is_test
from .answer import answer
from .issue import TYPES, Issue, Type
from .review_file import Reviewed, Reviewer
from .ruff_checks import Linted, lint
from .selection import selection

MAX_COMPLEXITY = 10  # McCabe's own limit

agent = Agent()


class ReviewInputs(TypedDict, total=False):
    """The input of review; its schema stands in agent.yaml."""

    workspace: dict[str, Any]
    types: list[str]
    min_severity: Severity
    max_complexity: int
    paths: list[str]
    diff: str


@agent.action("review")
def review(inputs: ReviewInputs, ctx: Context) -> dict[str, Any]:
    """Review what was chosen of the workspace and answer issues, metrics and the two artifacts."""
    asked = set(inputs.get("types") or ["all"])
    types = frozenset(TYPES) if "all" in asked else frozenset(cast(set[Type], asked))
    limit = inputs.get("max_complexity", MAX_COMPLEXITY)
    chosen = selection(inputs.get("paths"), inputs.get("diff"))
    root = ctx.workspace()
    sources = chosen.chosen(list_sources(root))
    ctx.progress(f"{len(sources)} files", 0.0)
    reviewer = Reviewer(root, types=types, max_complexity=limit)
    inspected = [_reviewed(one) for one in inspect_all(reviewer.review, sources, ctx)]
    linted: dict[str, Linted] = {}
    if types & {"quality", "performance"}:
        python = [one.path for one in sources if one.python and not one.skipped]
        linted = {printable(one.path): one for one in lint(root, ctx.scratch, python)}
    found = [_merge(one, linted.get(one.file)) for one in inspected]
    tests = {printable(one.path) for one in sources if is_test(PurePath(one.path))}
    issues = [_in_tests(one, tests) for file in found for one in cast("tuple[Issue, ...]", file.findings)]
    wanted = [
        one
        for one in issues
        if one.type in types and at_least(one.severity, inputs.get("min_severity", "LOW"))
    ]
    kept = chosen.on_changed_lines(wanted)
    return answer(
        cast("list[Issue]", named(kept)),
        found,
        outside_diff=len(wanted) - len(kept),
        files=[printable(one.path) for one in sources if not one.skipped],
        limit=limit,
        ctx=ctx,
    )


def _reviewed(one: Inspected) -> Reviewed:
    """Answer what a file gave; one that was left out, or that a child did not survive, gave nothing."""
    return one if isinstance(one, Reviewed) else Reviewed(one.file, skipped=one.skipped)


def _merge(reviewed: Reviewed, linted: Linted | None) -> Reviewed:
    """Put what ruff says of a file beside what we do; where both speak of the same, one is heard."""
    if linted is None:
        return reviewed
    own = cast("tuple[Issue, ...]", reviewed.findings)
    troubles = [one for one in (reviewed.skipped, linted.trouble) if one]
    return replace(
        reviewed,
        findings=(*own, *linted.issues),
        skipped="; ".join(dict.fromkeys(troubles)) or None,
    )


def _in_tests(one: Issue, tests: set[str]) -> Issue:
    return replace(one, in_tests=True, severity=in_test(one.severity)) if one.file in tests else one


if __name__ == "__main__":
    agent.run()
