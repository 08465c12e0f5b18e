"""The agent `security-scanner`: its one action, scan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypedDict

from airlock_sdk import Agent, Context, Failure, isolate
from airlock_sdk.artifact import JSON, SARIF

from ..findings import report
from ..findings.files import Source, list_sources
from ..findings.finding import Finding, Inspected, named
from ..findings.inspection import inspect_all
from ..findings.sarif import sarif
from ..findings.severities import Severity, at_least
from .catalogue import weakness_of
from .collection import Collection, typed
from .dependencies.advisories import UnreadableAdvisories
from .dependencies.matching import Matched, match_all
from .inspect_file import MAX_CODE_BYTES, Inspector
from .rules import LEFT_OUT
from .scanned import Wish

VERSION = "2.0.0"
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
    sources = list(list_sources(root, most=MAX_CODE_BYTES))
    ctx.progress(f"{len(sources)} files", 0.0)
    inspector = Inspector(root, ctx.scratch, wish)
    found = Collection()
    inspected = inspect_all(inspector.inspect, sources, ctx, plainly=inspector.inspect_plain, take=found.take)
    data: list[dict[str, Any]] = []
    if wish.asks("dependencies"):
        given = ctx.artifact(_ADVISORIES) if "advisories" in inputs else None
        matched = _match(found, given)
        found.add(one for one in typed(matched.findings) if at_least(one.severity, wish.floor))
        data = list(matched.data)
    return _answer(found, inspected, sources, data, ctx)


def _match(found: Collection, given: Path | None) -> Matched:
    """Match dependencies in a child of its own: what was given as advisories may be anything."""

    def work(_: None) -> Matched | str:
        try:
            return match_all(found.dependencies, given)
        except UnreadableAdvisories as error:
            return str(error)

    (answer,) = isolate.each(
        work, [None], lambda _, reason: f"reading them {reason}", seconds=_SECONDS_TO_MATCH
    )
    if isinstance(answer, str):
        raise Failure("agent.advisories_unreadable", f"The advisories cannot be used: {answer}.")
    return answer


def _answer(
    found: Collection,
    inspected: list[Inspected],
    sources: list[Source],
    data: list[dict[str, Any]],
    ctx: Context,
) -> dict[str, Any]:
    findings = named(found.findings())
    left_out = report.skipped(inspected)
    scanned = sum(not one.skipped for one in sources)
    counts = found.summary()
    log = sarif(findings, "security-scanner", VERSION, weakness=_weakness)
    full = report.full(
        findings,
        left_out,
        summary=counts,
        truncated=counts["total"] > len(findings),
        files_scanned=scanned,
        dependencies_checked=len(found.dependencies),
        advisories=data,
        rules_left_out=LEFT_OUT,
    )
    shown = report.bounded(findings, left_out)
    ctx.log("info", "scan.finished", files=scanned, skipped=len(left_out), **counts)
    return {
        "summary": counts,
        "files_scanned": scanned,
        "dependencies_checked": len(found.dependencies),
        "advisories": data,
        **shown,
        "truncated": len(shown["findings"]) < counts["total"],
        "report_truncated": counts["total"] > len(findings),
        "report": ctx.put_artifact("findings.json", full, JSON),
        "sarif": ctx.put_artifact("findings.sarif", json.dumps(log, ensure_ascii=False).encode(), SARIF),
    }


def _weakness(finding: Finding) -> int | None:
    return weakness_of(finding.rule, finding.tool)


if __name__ == "__main__":
    agent.run()
