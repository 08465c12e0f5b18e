"""What a finished `security-review` amounts to: nodes, findings, changes, and the files it left."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airlock_contracts.artifacts import find_artifacts
from airlock_contracts.statuses import NodeStatus
from airlock_contracts.views import RunView
from rich.console import Console
from rich.table import Table

from ..client import AirlockClient
from ..show.text import between, one_line, plain, safe, size, status

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
_SUFFIXES = {
    "application/x-tar": ".tar",
    "application/sarif+json": ".sarif",
    "application/json": ".json",
    "text/x-diff": ".diff",
}
_LISTED_FILES = 20


@dataclass(slots=True)
class Summary:
    """What there is to say beside the nodes."""

    findings: dict[str, int] = field(default_factory=dict)
    """By severity; empty where the scan did not succeed."""
    suppressed: int = 0
    files: list[tuple[str, int, int]] = field(default_factory=list)
    """What the applied diff changed: path, lines added, lines removed."""
    fixed: int = 0
    unfixed: int = 0
    notice: str = ""
    """What the notifier said."""
    folder: Path | None = None
    artifacts: list[tuple[str, int, str]] = field(default_factory=list)
    """File name, bytes, digest."""


async def collect(client: AirlockClient, run: RunView, results: Path | None) -> Summary:
    """Read the outputs of the nodes that succeeded and save their artifacts under `results`."""
    outputs: dict[str, Any] = {}
    for node in run.nodes:
        if node.status is NodeStatus.SUCCESS:
            outputs[node.id] = json.loads(await client.node_output(run.id, node.id))
    summary = Summary()
    if (scan := outputs.get("scan")) is not None:
        summary.findings = scan["summary"]["by_severity"]
        summary.suppressed = scan["summary"]["suppressed"]
    if (propose := outputs.get("propose")) is not None:
        summary.fixed, summary.unfixed = propose["stats"]["fixed"], propose["stats"]["unfixed"]
        if "apply" in outputs:
            summary.files = changes(propose["diff"])
    if (notify := outputs.get("notify")) is not None:
        summary.notice = notify["text"]
    summary.folder = results or Path.cwd() / f"airlock-demo-{run.id[:8]}"
    await asyncio.to_thread(summary.folder.mkdir, parents=True, exist_ok=True)
    await _save(client, outputs, summary)
    return summary


async def _save(client: AirlockClient, outputs: dict[str, Any], summary: Summary) -> None:
    assert summary.folder is not None
    if (propose := outputs.get("propose")) is not None and propose["diff"]:
        path = summary.folder / "propose-diff.diff"
        await asyncio.to_thread(path.write_text, propose["diff"], encoding="utf-8", newline="")
        summary.artifacts.append((path.name, path.stat().st_size, "the diff that was proposed"))
    for node, output in outputs.items():
        for pointer, reference in find_artifacts(output):
            name = node + pointer.replace("/", "-") + _SUFFIXES.get(reference.media_type, ".bin")
            await client.get_artifact(reference.artifact, summary.folder / name)
            summary.artifacts.append((name, reference.size, reference.artifact))


def changes(diff: str) -> list[tuple[str, int, int]]:
    """Files of a unified diff in git's format, each with the lines added and removed."""
    found: list[tuple[str, int, int]] = []
    in_hunk = False
    for line in diff.splitlines():
        if line.startswith("diff --git "):
            found.append((line.rpartition(" b/")[2], 0, 0))
            in_hunk = False
        elif line.startswith("@@"):
            in_hunk = True
        elif in_hunk and found and line[:1] in "+-":
            path, added, removed = found[-1]
            found[-1] = (path, added + (line[0] == "+"), removed + (line[0] == "-"))
    return found


def show_summary(console: Console, run: RunView, summary: Summary) -> None:
    """Print it: tables for people, the artifacts' folder at the end."""
    nodes = Table(title="nodes", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("node", "status", "time", "agent", ""):
        nodes.add_column(column, no_wrap=True)
    for node in run.nodes:
        remark = f"{node.failure.code}: {node.failure.message}" if node.failure else ""
        nodes.add_row(
            safe(node.id),
            status(node.status),
            between(node.started_at, node.finished_at),
            safe(node.agent),
            safe(one_line(remark, 80)),
        )
    console.print(nodes)
    if summary.findings:
        console.print("\nfindings by severity", highlight=False)
        for severity in SEVERITIES:
            console.print("  ", status(severity), f"{summary.findings.get(severity, 0):>6}", sep="")
        if summary.suppressed:
            console.print(f"  {summary.suppressed} of them the code asks tools to overlook", style="dim")
    console.print("\nwhat changed", highlight=False)
    if not summary.files:
        console.print("  nothing", style="dim")
    for path, added, removed in summary.files[:_LISTED_FILES]:
        console.print(safe(f"  {path}  +{added} -{removed}"))
    if len(summary.files) > _LISTED_FILES:
        console.print(f"  and {len(summary.files) - _LISTED_FILES} more files", style="dim")
    if summary.files:
        console.print(
            f"  {summary.fixed} findings mended, {summary.unfixed} are left for a person", style="dim"
        )
    if summary.notice:
        console.print("\nthe notifier said", highlight=False)
        console.print(plain(summary.notice), markup=False, highlight=False)
    console.print(f"\nartifacts in {summary.folder}", markup=False, highlight=False)
    for name, count, digest in summary.artifacts:
        console.print(safe(f"  {name:<28} {size(count):>10}  {digest}"), no_wrap=True, overflow="ellipsis")
    console.print()
