"""What a finished `security-review` amounts to: nodes, findings, changes, and the files it left."""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airlock_contracts.views import RunView
from rich.console import Console
from rich.table import Table

from ..client import AirlockClient
from ..results import named_files, read_outputs
from ..show.findings import Check, checks
from ..show.gate import heading
from ..show.graph import shown_time, waited
from ..show.text import cut, one_line, safe, seconds, size, status
from .checks import show_checks

_LISTED_FILES = 20


@dataclass(slots=True)
class Summary:
    """What there is to say beside the nodes."""

    checks: list[Check] = field(default_factory=list)
    """Of the agents that looked at the code and succeeded."""
    files: list[tuple[str, int, int]] = field(default_factory=list)
    """What the applied diff changed: path, lines added, lines removed."""
    fixed: int = 0
    unfixed: int = 0
    """What is left for a person, also what the patcher did not even read."""
    notice: str = ""
    """What the notifier said."""
    folder: Path | None = None
    is_temporary: bool = False
    """Nobody chose the folder: it is the run's own, in the temporary folder."""
    artifacts: list[tuple[str, int, str]] = field(default_factory=list)
    """File name, bytes, digest."""


async def collect(client: AirlockClient, run: RunView, results: Path | None) -> Summary:
    """Read the outputs of the nodes that succeeded and save their artifacts under `results`.

    Without `results` in a folder of the run's own in the system's temporary folder: never in a checkout.
    """
    outputs = await read_outputs(client, run)
    summary = Summary()
    summary.checks = checks(outputs)
    if (propose := outputs.get("propose")) is not None:
        stats = propose["stats"]
        summary.fixed, summary.unfixed = stats["fixed"], stats["unfixed"] + stats["not_read"]
        if "apply" in outputs:
            summary.files = changes(propose["diff"])
    if (notify := outputs.get("notify")) is not None:
        summary.notice = notify["text"]
    summary.folder = results or Path(tempfile.gettempdir()) / f"airlock-demo-{run.id}"
    summary.is_temporary = results is None
    await asyncio.to_thread(summary.folder.mkdir, mode=0o700, parents=True, exist_ok=results is not None)
    await _save(client, outputs, run.context, summary)
    return summary


async def _save(client: AirlockClient, outputs: dict[str, Any], context: object, summary: Summary) -> None:
    assert summary.folder is not None
    if (propose := outputs.get("propose")) is not None and propose["diff"]:
        path = summary.folder / "propose-diff.diff"
        await asyncio.to_thread(path.write_text, propose["diff"], encoding="utf-8", newline="")
        summary.artifacts.append((path.name, path.stat().st_size, "the diff that was proposed"))
    for file in named_files(outputs, context):
        await client.get_artifact(file.reference.artifact, summary.folder / file.name)
        summary.artifacts.append((file.name, file.reference.size, file.reference.artifact))


def changes(diff: str) -> list[tuple[str, int, int]]:
    """Files of a unified diff in git's format, each with the lines added and removed."""
    found: list[tuple[str, int, int]] = []
    in_hunk = False
    for line in diff.removesuffix("\n").split("\n"):
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
    heading(console, f"run {run.id}")
    console.print(_nodes(run))
    show_checks(console, run, summary.checks)
    heading(console, "what changed")
    _show_changes(console, summary)
    if summary.notice:
        heading(console, "the notifier said")
        console.print(safe(summary.notice.strip("\n")), soft_wrap=True)
    heading(console, "artifacts")
    console.print(safe(f"in {summary.folder}"), soft_wrap=True)
    if summary.is_temporary:
        stays = f"it stays, for you to look at what was made; rm -r {summary.folder} removes it"
        console.print(safe(stays, style="dim"), soft_wrap=True)
    files = Table.grid(padding=(0, 2, 0, 0))
    files.add_column(no_wrap=True, min_width=max((len(name) for name, _, _ in summary.artifacts), default=0))
    files.add_column(justify="right", no_wrap=True, min_width=9)
    files.add_column(style="dim")
    for name, count, digest in summary.artifacts:
        files.add_row(safe(name), size(count), cut(digest))
    console.print(files)
    console.print()


def _nodes(run: RunView) -> Table:
    nodes = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("node", "status", "time", "agent", ""):
        nodes.add_column(column, no_wrap=column != "", overflow="fold")
    for node in run.nodes:
        remark = f"{node.failure.code}: {node.failure.message}" if node.failure else ""
        if (at_gate := waited(node)) is not None:
            remark = f"{remark} (its gate waited {seconds(at_gate)})".strip()
        nodes.add_row(
            safe(node.id),
            status(node.status),
            shown_time(node),
            safe(node.agent),
            safe(one_line(remark, 200)),
        )
    return nodes


def _show_changes(console: Console, summary: Summary) -> None:
    if not summary.files:
        console.print("nothing", style="dim")
        return
    for path, added, removed in summary.files[:_LISTED_FILES]:
        console.print(safe(f"{path}  +{added} -{removed}"), soft_wrap=True)
    if len(summary.files) > _LISTED_FILES:
        console.print(safe(f"and {len(summary.files) - _LISTED_FILES} more files", style="dim"))
    mended = f"{summary.fixed} findings mended, {summary.unfixed} are left for a person"
    console.print(safe(mended, style="dim"))
