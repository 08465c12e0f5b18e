"""The agent `code-reviewer`: its one action, review."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypedDict, cast

from airlock_sdk import Agent, Context

from ..findings.collection import MAX_FINDINGS
from ..findings.files import list_sources
from ..findings.finding import Inspected
from ..findings.inspection import inspect_all
from ..findings.severities import Severity
from .answer import answer
from .issue import TYPES, Type
from .review_file import Reviewed, Reviewer
from .ruff_checks import lint
from .selection import selection
from .sieve import Wish, collection

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
    with ctx.span("list files") as listing:
        sources = chosen.chosen(list_sources(root))
        listing.set(files=len(sources))
    ctx.progress(f"{len(sources)} files", 0.0)
    wish = Wish(types, inputs.get("min_severity", "LOW"), chosen)
    reviewer = Reviewer(root, wish, max_complexity=limit)
    found = collection(MAX_FINDINGS)
    with ctx.span("review files", files=len(sources)) as reviewing:
        reviewed = [
            _reviewed(one) for one in inspect_all(reviewer.review, sources, ctx.progress, take=found.take)
        ]
        reviewing.set(issues=found.counts["total"])
    if types & {"quality", "performance"}:
        python = [one.path for one in sources if one.python and not one.skipped]
        with ctx.span("ruff", files=len(python)):
            linted = {one.file: found.take(one).skipped for one in lint(root, ctx.scratch, python, wish)}
        reviewed = [_with_trouble(one, linted.get(one.file)) for one in reviewed]
    with ctx.span("write report"):
        return answer(found, reviewed, limit=limit, ctx=ctx)


def _reviewed(one: Inspected) -> Reviewed:
    """Answer what a file gave; one that was left out, or that a child did not survive, gave nothing."""
    return one if isinstance(one, Reviewed) else Reviewed(one.file, skipped=one.skipped, seen=one.seen)


def _with_trouble(reviewed: Reviewed, trouble: str | None) -> Reviewed:
    """Say of a file what ruff could not do with it, beside what we could not."""
    known = dict.fromkeys(one for one in (reviewed.skipped, trouble) if one)
    return replace(reviewed, skipped="; ".join(known) or None)


if __name__ == "__main__":
    agent.run()
