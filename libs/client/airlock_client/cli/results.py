"""`airlock runs findings` and `artifacts`: what a run gave, for people, and as files."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from airlock_contracts.views import RunView

from ..client import AirlockClient
from ..exits import Exit
from ..results import NamedFile, Saved, named_files, read_outputs, save_file
from ..show.findings import SEVERITIES, Check, Severity, checks, show_counts, show_worst
from ..show.text import one_line, size
from ..show.unseen import show_unseen
from .edge import CommandError, command
from .ids import whole_run
from .output import AsJson, print_json, print_table, terminal
from .target import connect

_LOOKED_AT = 20
"""Nodes whose outputs are read to say what to do next."""
RunId = Annotated[str, typer.Argument(help="Its id.")]


def add(runs: typer.Typer) -> None:
    """Add the commands."""

    @command(runs, "findings")
    async def findings(
        context: typer.Context,
        run: RunId,
        severity: Annotated[
            Severity,
            typer.Option("--severity", case_sensitive=False, help="Only those as severe, or more."),
        ] = Severity.LOW,
        rule: Annotated[
            str | None, typer.Option("--rule", help="Every place of this rule, instead of one for each rule.")
        ] = None,
        limit: Annotated[
            int, typer.Option("--limit", min=1, max=200, help="At most so many lines for each node.")
        ] = 20,
        as_json: AsJson = False,
    ) -> int:
        """What a run's agents found in the code: counts, then the worst of each node, a line for each rule.

        Of equal severity what has an advisory (CVE) comes first, and code before tests and documents. At the
        end what the node did not look at, or not wholly. With --json one object for each node: kind,
        by_severity, suppressed, below_floor, files, listed (the findings), truncated, report_truncated,
        skipped, skipped_total.
        """
        async with connect(context) as client:
            view = await client.run(await whole_run(client, run))
            said = checks(await read_outputs(client, view))
        loud = SEVERITIES[: SEVERITIES.index(severity) + 1]
        if as_json:
            print_json([_document(one, loud, rule) for one in said])
            return Exit.OK
        console = terminal()
        if not said:
            console.print("no node of it that succeeded lists findings, issues or violations", style="dim")
            return Exit.OK
        show_counts(console, said, nodes=True)
        for one in said:
            whole = f"airlock runs artifacts {view.id} --to FOLDER has the reports"
            show_worst(console, one, limit, whole=whole, floor=severity, rule=rule)
            if rule is None:
                show_unseen(console, one, limit, whole=whole)
        if rule is not None and not any(found["rule"] == rule for one in said for found in one.listed):
            console.print(f"none is of the rule {one_line(rule)}", style="dim", markup=False)
        return Exit.OK

    @command(runs, "artifacts")
    async def artifacts(
        context: typer.Context,
        run: RunId,
        to: Annotated[
            Path | None,
            typer.Option("--to", help="A new or empty folder for them; workspaces are unpacked."),
        ] = None,
        as_json: AsJson = False,
    ) -> int:
        """What the outputs of a run name: reports, patched trees; with --to as files in a folder."""
        async with connect(context) as client:
            view = await client.run(await whole_run(client, run))
            files = list(named_files(await read_outputs(client, view), view.context))
            if to is None:
                _list(files, as_json=as_json)
                return Exit.OK
            await asyncio.to_thread(_prepare, to)
            saved = [await save_file(client, file, to) for file in files]
        _tell(saved, as_json=as_json)
        return Exit.OK


def _document(said: Check, loud: Sequence[Severity], rule: str | None) -> dict[str, Any]:
    """What a program gets of one node, in the words of the agents' outputs."""
    listed = [one for one in said.listed if one["severity"] in loud and rule in (None, one["rule"])]
    return {
        "node": said.node,
        "kind": said.kind,
        "by_severity": dict(said.counts),
        "suppressed": said.suppressed,
        "below_floor": said.below_floor,
        "files": said.files,
        "listed": listed,
        "truncated": sum(said.counts.values()) > len(said.listed),
        "report_truncated": said.report_lacks,
        "skipped": [{"file": one.file, "reason": one.reason} for one in said.unseen],
        "skipped_total": said.unseen_total,
    }


def _list(files: list[NamedFile], *, as_json: bool) -> None:
    if as_json:
        print_json([{"name": file.name, "node": file.node, **file.reference.model_dump()} for file in files])
        return
    rows = (
        (file.name, size(file.reference.size), file.reference.media_type, file.reference.artifact)
        for file in files
    )
    print_table(("name", "size", "type", "artifact"), rows, empty="no artifacts")


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise CommandError(f"{folder} is not empty", "name a new folder with --to", Exit.USAGE)


def _tell(saved: list[Saved], *, as_json: bool) -> None:
    for one in saved:
        if one.problem:
            typer.echo(f"airlock: {one_line(one.path)} is kept packed: {one_line(one.problem)}", err=True)
    if as_json:
        print_json([{"path": str(one.path), "size": one.size, "files": one.files} for one in saved])
        return
    rows = (
        (one.path, size(one.size), "" if one.files is None else f"a workspace, {one.files} files")
        for one in saved
    )
    print_table(("path", "size", ""), rows, empty="no artifacts")


async def next_command(client: AirlockClient, run: RunView) -> str | None:
    """What to look at first of a run that succeeded: what was found, else files, else the last output."""
    outputs = await read_outputs(client, run, _LOOKED_AT)
    if checks(outputs):
        return f"airlock runs findings {run.id}"
    if any(named_files(outputs, run.context)):
        return f"airlock runs artifacts {run.id} --to FOLDER"
    return f"airlock runs output {run.id} {list(outputs)[-1]}" if outputs else None
