"""The agent `security-scanner`: its one action, scan."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, TypedDict

from airlock_sdk import Agent, Context, Failure, isolate
from airlock_sdk.artifact import JSON, SARIF

from . import report
from .files import Source, list_sources
from .finding import Finding, Inspected, named, printable
from .inspect_file import Inspector, lost
from .rules import Severity, at_least
from .sarif import sarif

VERSION = "1.0.0"
MAX_FINDINGS = 50_000  # kept in the artifacts; more say nothing that these do not
MEMORY = 512 * 1024 * 1024  # bytes of address space; the sandbox has 1 GiB with the workspace in it
_PROGRESS_EVERY = 0.05  # of the files

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
    inspected = _inspect(inspector, sources, ctx)
    findings = [one for file in inspected for one in file.findings if at_least(one.severity, floor)]
    if len(findings) > MAX_FINDINGS:
        raise Failure(
            "agent.too_many_findings", f"{len(findings)} findings; scan a part of it, or raise the floor"
        )
    return _answer(named(findings), inspected, files_scanned=_looked_at(sources, types), ctx=ctx)


def _inspect(inspector: Inspector, sources: list[Source], ctx: Context) -> list[Inspected]:
    inspected = [Inspected(printable(one.path), skipped=one.skipped) for one in sources if one.skipped]
    todo = [one for one in sources if not one.skipped]
    brought_down: list[tuple[Source, str]] = []

    def note(source: Source, reason: str) -> None:
        brought_down.append((source, reason))

    said = 0.0
    try:
        for done, answer in enumerate(isolate.each(inspector.inspect, todo, note, memory=MEMORY), start=1):
            if answer is not None:
                inspected.append(answer)
            if done / len(todo) - said >= _PROGRESS_EVERY:
                said = done / len(todo)
                ctx.progress(f"{done} of {len(todo)} files", said)
        # A file that brought the tools down does not hide its secrets: it is searched again, more simply.
        again = isolate.each(inspector.inspect_plain, [one for one, _ in brought_down], lost, memory=MEMORY)
        for (_, reason), plain in zip(brought_down, again, strict=True):
            then = plain.skipped or "searched as plain text"
            inspected.append(replace(plain, skipped=f"{reason}; {then}"))
    except isolate.TooManyCrashes as error:
        raise Failure("agent.workspace_unreadable", str(error)) from error
    return sorted(inspected, key=lambda one: one.file)


def _looked_at(sources: list[Source], types: set[str]) -> int:
    python_only = types == {"code"}
    return sum(not one.skipped and (one.python or not python_only) for one in sources)


def _answer(
    findings: list[Finding], inspected: list[Inspected], *, files_scanned: int, ctx: Context
) -> dict[str, Any]:
    left_out = report.skipped(inspected)
    log = json.dumps(sarif(findings, VERSION), ensure_ascii=False).encode()
    counts = report.summary(findings)
    ctx.log("info", "scan.finished", files=files_scanned, skipped=len(left_out), **counts)
    return {
        "summary": counts,
        "files_scanned": files_scanned,
        **report.bounded(findings, left_out),
        "report": ctx.put_artifact("findings.json", report.full(findings, left_out, files_scanned), JSON),
        "sarif": ctx.put_artifact("findings.sarif", log, SARIF),
    }


if __name__ == "__main__":
    agent.run()
