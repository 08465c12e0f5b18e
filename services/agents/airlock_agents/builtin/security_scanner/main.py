"""The agent `security-scanner`: its one action, scan."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

from airlock_sdk import Agent, Context, Failure, isolate
from airlock_sdk.artifact import JSON, SARIF

from ..findings import report
from ..findings.collection import Collection
from ..findings.files import list_sources
from ..findings.finding import Finding, Inspected, named
from ..findings.inspection import inspect_all
from ..findings.sarif import sarif
from ..findings.severities import Severity, at_least
from .catalogue import SCAN_TYPES, weakness_of
from .dependencies.advisories import UnreadableAdvisories
from .dependencies.matching import Matched, Placed, match_all
from .inspect_file import BELOW_FLOOR, LOWERED, MAX_CODE_BYTES, Inspector
from .rules import LEFT_OUT
from .scanned import Scanned, Wish, kind_of, typed

VERSION = "2.4.0"
_ADVISORIES = "/advisories"  # where in the input they are named
_SECONDS_TO_MATCH = 240.0

agent = Agent()


class ScanInputs(TypedDict, total=False):
    """The input of scan; its schema stands in agent.yaml."""

    workspace: dict[str, Any]
    scan_types: list[str]
    min_severity: Severity
    tests: str
    advisories: dict[str, Any]


@agent.action("scan")
def scan(inputs: ScanInputs, ctx: Context) -> dict[str, Any]:
    """Look at every file of the workspace and answer findings, counts and the two artifacts."""
    wish = Wish(
        types=frozenset(inputs.get("scan_types") or ["all"]),
        floor=inputs.get("min_severity", "LOW"),
        lower_tests=inputs.get("tests", "lower") == "lower",
    )
    root = ctx.workspace("/workspace")
    with ctx.span("list files") as listing:
        sources = list(list_sources(root, most=MAX_CODE_BYTES))
        listing.set(files=len(sources))
    ctx.progress(f"{len(sources)} files", 0.0)
    inspector = Inspector(root, ctx.scratch, wish)
    found: Collection[Finding] = Collection(kind_of)
    dependencies: list[Placed] = []
    spent: defaultdict[str, float] = defaultdict(float)

    def take(one: Inspected) -> Inspected:
        if isinstance(one, Scanned):
            dependencies.extend((one.file, each) for each in one.dependencies)
            for tool, seconds in one.spent.items():
                spent[tool] += seconds
            one = replace(one, spent={})
        return found.take(one)

    with ctx.span("inspect files", files=len(sources)) as inspecting:
        inspected = inspect_all(
            inspector.inspect,
            sources,
            ctx.progress,
            plainly=inspector.plain_looks(),
            take=take,
            in_blocks=wish.asks("secrets"),
        )
        # All tools look at a file before any looks at the next: their times are shares of this span's.
        shares = {f"seconds.{tool.replace(' ', '_')}": round(busy, 3) for tool, busy in spent.items()}
        inspecting.set(findings=found.counts["total"], **shares)
    data: list[dict[str, Any]] = []
    if wish.asks("dependencies"):
        given = ctx.artifact(_ADVISORIES) if "advisories" in inputs else None
        with ctx.span("match dependencies", dependencies=len(dependencies)) as matching:
            matched = _match(dependencies, given)
            matching.set(findings=len(matched.findings))
        found.add([one for one in typed(named(matched.findings)) if at_least(one.severity, wish.floor)])
        data = list(matched.data)
    with ctx.span("write report"):
        return _answer(found, inspected, len(dependencies), data, ctx)


def _match(dependencies: list[Placed], given: Path | None) -> Matched:
    """Match dependencies in a child of its own: what was given as advisories may be anything."""

    def work(_: None) -> Matched | str:
        try:
            return match_all(dependencies, given)
        except UnreadableAdvisories as error:
            return str(error)

    (answer,) = isolate.each(
        work,
        [None],
        lambda _, reason: f"reading them {reason}",
        seconds=_SECONDS_TO_MATCH,
        lost_seconds=2 * _SECONDS_TO_MATCH,
    )
    if isinstance(answer, str):
        raise Failure("agent.advisories_unreadable", f"The advisories cannot be used: {answer}.")
    return answer


def _answer(
    found: Collection[Finding],
    inspected: list[Inspected],
    dependencies: int,
    data: list[dict[str, Any]],
    ctx: Context,
) -> dict[str, Any]:
    findings = found.loudest()
    left_out = report.skipped(inspected)
    counts = found.summary(SCAN_TYPES) | {
        "in_tests": found.counts["in tests"],
        "in_tests_below_floor": found.counts[BELOW_FLOOR],
        "samples_below_floor": found.counts[LOWERED],
    }
    head = {
        "summary": counts,
        "files_scanned": sum(one.seen for one in inspected),
        "dependencies_checked": dependencies,
        "advisories": data,
    }
    total = counts["total"]
    log = sarif(findings, "security-scanner", VERSION, weakness=_weakness)
    full = report.full("findings", findings, left_out, total=total, rules_left_out=LEFT_OUT, **head)
    ctx.log("info", "scan.finished", files=head["files_scanned"], skipped=len(left_out), **counts)
    return {
        **head,
        **report.bounded("findings", findings, left_out, total=total),
        "report": ctx.put_artifact("findings.json", full, JSON),
        "sarif": ctx.put_artifact("findings.sarif", json.dumps(log, ensure_ascii=False).encode(), SARIF),
    }


def _weakness(finding: Finding) -> int | None:
    return weakness_of(finding.rule, finding.tool)


if __name__ == "__main__":
    agent.run()
