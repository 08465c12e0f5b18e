"""The agent `security-scanner`: its one action, scan."""

from __future__ import annotations

import json
from typing import Any, TypedDict

from airlock_sdk import Agent, Context, Failure
from airlock_sdk.artifact import JSON, SARIF

from ..findings import report
from ..findings.files import Source, list_sources
from ..findings.finding import Finding, Inspected, named
from ..findings.inspection import inspect_all
from ..findings.sarif import sarif
from ..findings.severities import Severity, at_least
from .inspect_file import Inspector
from .rules import LEFT_OUT

VERSION = "1.0.0"
MAX_FINDINGS = 50_000  # kept in the artifacts; more say nothing that these do not

agent = Agent()


class ScanInputs(TypedDict, total=False):
    """The input of scan; its schema stands in agent.yaml."""

    workspace: dict[str, Any]
    scan_types: list[str]
    min_severity: Severity


@agent.action("scan")
def scan(inputs: ScanInputs, ctx: Context) -> dict[str, Any]:
    """Look at every file of the workspace and answer findings, counts and the two artifacts."""
    types = set(inputs.get("scan_types") or ["all"])
    floor = inputs.get("min_severity", "LOW")
    root = ctx.workspace()
    sources = list(list_sources(root))
    ctx.progress(f"{len(sources)} files", 0.0)
    inspector = Inspector(
        root,
        ctx.scratch,
        secrets=bool(types & {"all", "secrets"}),
        code=bool(types & {"all", "code"}),
    )
    inspected = inspect_all(inspector.inspect, sources, ctx, plainly=inspector.inspect_plain)
    findings = [one for file in inspected for one in file.findings if at_least(one.severity, floor)]
    if len(findings) > MAX_FINDINGS:
        raise Failure(
            "agent.too_many_findings", f"{len(findings)} findings; scan a part of it, or raise the floor"
        )
    return _answer(named(findings), inspected, files_scanned=_looked_at(sources, types), ctx=ctx)


def _looked_at(sources: list[Source], types: set[str]) -> int:
    python_only = types == {"code"}
    return sum(not one.skipped and (one.python or not python_only) for one in sources)


def _answer(
    findings: list[Finding], inspected: list[Inspected], *, files_scanned: int, ctx: Context
) -> dict[str, Any]:
    left_out = report.skipped(inspected)
    log = json.dumps(sarif(findings, "security-scanner", VERSION), ensure_ascii=False).encode()
    counts = report.summary(findings)
    full = report.full(findings, left_out, files_scanned=files_scanned, rules_left_out=LEFT_OUT)
    ctx.log("info", "scan.finished", files=files_scanned, skipped=len(left_out), **counts)
    return {
        "summary": counts,
        "files_scanned": files_scanned,
        **report.bounded(findings, left_out),
        "report": ctx.put_artifact("findings.json", full, JSON),
        "sarif": ctx.put_artifact("findings.sarif", log, SARIF),
    }


if __name__ == "__main__":
    agent.run()
