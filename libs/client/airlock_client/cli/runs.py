"""`airlock run` starts one; `airlock runs` lists, shows, watches, cancels and retries them."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from airlock_contracts.events import EventType
from airlock_contracts.statuses import RunStatus
from airlock_contracts.views import RunView

from ..client import AirlockClient
from ..errors import ProblemError
from ..exits import Exit, of_run
from ..show.explanation import show_explanation
from ..show.live import Watch, open_approval
from ..show.run import show_open, show_run
from ..show.text import one_line, status
from . import graph, results
from .artifacts import WithIgnored, put_workspace, tell_left_out
from .documents import read_context, read_setting
from .edge import CommandError, command
from .ids import whole_run
from .output import AsJson, Limit, OnlyIds, newest, print_ids, print_json, print_table, terminal, when
from .target import connect

_LACKED = re.compile(r'^"([^"]+)" is a required property$')
RunId = Annotated[str, typer.Argument(help="Its id.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until the run has ended, whoever decides at its gates.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    runs = typer.Typer(
        help="Runs: list, show, explain, watch, output, findings, artifacts, graph, cancel, retry.",
        no_args_is_help=True,
    )
    app.add_typer(runs, name="runs")
    _add_run(app)
    _add_reading(runs)
    results.add(runs)
    graph.add(runs)
    _add_changing(runs)


def _add_run(app: typer.Typer) -> None:
    @command(app, "run")
    async def run(
        context: typer.Context,
        workflow: Annotated[str, typer.Argument(help="Name or id.")],
        workspace: Annotated[
            Path | None,
            typer.Option("--workspace", help="A folder, put first; it stands as `workspace` in the context."),
        ] = None,
        with_ignored: WithIgnored = False,
        given: Annotated[
            str | None, typer.Option("--context", help="The context: a JSON object, @FILE, or - for stdin.")
        ] = None,
        settings: Annotated[
            list[str] | None, typer.Option("--set", help="name=value in the context; JSON where it is JSON.")
        ] = None,
        context_of: Annotated[
            str | None,
            typer.Option(
                "--context-of", metavar="RUN", help="What this run was given, beneath what is given here."
            ),
        ] = None,
        version: Annotated[
            int | None, typer.Option("--version", min=1, help="Of the workflow; else the newest.")
        ] = None,
        idempotency_key: Annotated[
            str | None, typer.Option("--idempotency-key", help="The same key again answers the same run.")
        ] = None,
        wait: Wait = False,
        no_follow: Annotated[
            bool, typer.Option("--no-follow", help="Only start it and print its id.")
        ] = False,
        as_json: AsJson = False,
    ) -> int:
        """Start a run and follow it until it ends or waits for a decision.

        With --json nothing is followed: the run is printed as it was accepted, or with --wait as it ended.
        """
        document = read_context(given) | dict(read_setting(text) for text in settings or [])
        async with connect(context) as client:
            if context_of is not None:
                document = await _given_to(client, context_of) | document
            if workspace is not None:
                reference, packed = await put_workspace(client, workspace, with_ignored=with_ignored)
                tell_left_out(packed)
                document["workspace"] = reference.model_dump(mode="json")
            try:
                accepted = await client.trigger(
                    workflow, document, version=version, idempotency_key=idempotency_key
                )
            except ProblemError as error:
                raise _with_options(error) from error
            if (as_json and not wait) or no_follow:
                print_json(accepted) if as_json else print(accepted.id)
                return Exit.OK
            if not as_json:
                terminal().print(
                    f"run {accepted.id} of {accepted.workflow}, version {accepted.workflow_version}"
                )
            return await _follow(client, accepted.id, wait=wait, as_json=as_json)


def _add_reading(runs: typer.Typer) -> None:
    @command(runs, "list")
    async def list_runs(
        context: typer.Context,
        wanted: Annotated[
            RunStatus | None, typer.Option("--status", case_sensitive=False, help="Only these.")
        ] = None,
        workflow: Annotated[
            str | None, typer.Option("--workflow", help="Only of this one: name or id.")
        ] = None,
        limit: Limit = 20,
        quiet: OnlyIds = False,
        as_json: AsJson = False,
    ) -> int:
        """Runs, the newest first."""
        async with connect(context) as client:
            found = await newest(
                lambda cursor: client.runs(status=wanted, workflow=workflow, cursor=cursor), limit
            )
        if as_json:
            print_json(found)
            return Exit.OK
        if quiet:
            print_ids(found)
            return Exit.OK
        rows = (
            (
                view.id,
                status(view.status),
                f"{view.workflow} v{view.workflow_version}",
                when(view.created_at),
                view.created_by,
                view.failure.code if view.failure else "",
            )
            for view in found
        )
        print_table(("run", "status", "workflow", "started", "by", "failure"), rows, empty="no runs")
        return Exit.OK

    @command(runs, "show")
    async def show(context: typer.Context, run: RunId, as_json: AsJson = False) -> int:
        """One run whole; of what failed: why, where, the end of its stderr, the next command to try."""
        async with connect(context) as client:
            view = await client.run(await whole_run(client, run))
        print_json(view) if as_json else show_run(terminal(), view)
        return Exit.OK

    @command(runs, "explain")
    async def explain(context: typer.Context, run: RunId, as_json: AsJson = False) -> int:
        """Why a run stands where it stands: what it waits for, since when, what happens next, what to do."""
        async with connect(context) as client:
            said = await client.explain(await whole_run(client, run))
        print_json(said) if as_json else show_explanation(terminal(), said)
        return Exit.OK

    @command(runs, "watch")
    async def watch(context: typer.Context, run: RunId, wait: Wait = False, as_json: AsJson = False) -> int:
        """Follow a run until it ends or waits for a decision."""
        async with connect(context) as client:
            return await _follow(client, await whole_run(client, run), wait=wait, as_json=as_json)

    @command(runs, "output")
    async def output(
        context: typer.Context, run: RunId, node: Annotated[str, typer.Argument(help="Its id in the run.")]
    ) -> int:
        """The accepted output of a node, byte for byte."""
        async with connect(context) as client:
            raw = await client.node_output(await whole_run(client, run), node)
        if sys.stdout.isatty():  # escapes in it are not for a terminal: JSON spells them out
            print(json.dumps(json.loads(raw), indent=2))
        else:
            sys.stdout.buffer.write(raw)
            sys.stdout.flush()
        return Exit.OK


def _add_changing(runs: typer.Typer) -> None:
    @command(runs, "cancel")
    async def cancel(
        context: typer.Context,
        run: RunId,
        reason: Annotated[str, typer.Option("--reason", help="Why; kept with the run.")] = "",
        as_json: AsJson = False,
    ) -> int:
        """Ask a run to end; what runs is stopped, what succeeded stays."""
        async with connect(context) as client:
            view = await client.cancel(await whole_run(client, run), reason)
        print_json(view) if as_json else print(f"{view.status} {view.id}")
        return Exit.OK

    @command(runs, "retry")
    async def retry(
        context: typer.Context,
        run: RunId,
        wait: Wait = False,
        follow: Annotated[bool, typer.Option("--follow", help="Follow it as `airlock run` does.")] = False,
        as_json: AsJson = False,
    ) -> int:
        """Start a new run that copies what succeeded in one that did not; its gates ask again.

        It has the same context and the same versions of the workflow and its agents. What a mended agent or
        workflow is to do anew is a run of its own: airlock run WORKFLOW --context-of RUN.
        """
        async with connect(context) as client:
            accepted = await client.retry(await whole_run(client, run))
            if wait or follow:
                return await _follow(client, accepted.id, wait=wait, as_json=as_json)
        print_json(accepted) if as_json else print(accepted.id)
        return Exit.OK


def _with_options(error: ProblemError) -> ProblemError:
    """Say which options give what a context lacks."""
    lacks = [name for found in error.problem.errors for name in _LACKED.findall(found.message)]
    if error.problem.code != "context.invalid" or not lacks:
        return error
    options = ["--workspace FOLDER" if name == "workspace" else f"--set {name}=VALUE" for name in lacks]
    return ProblemError(error.problem.model_copy(update={"hint": f"give it with {' '.join(options)}"}))


async def _given_to(client: AirlockClient, run: str) -> dict[str, Any]:
    """The context of a run, as an object that more can be set in."""
    found = (await client.run(await whole_run(client, run))).context
    if not isinstance(found, dict):
        raise CommandError(f"the context of run {run} is no object", "give it with --context", Exit.USAGE)
    return found


async def _follow(client: AirlockClient, run: str, *, wait: bool, as_json: bool) -> int:
    """Show a run as it goes; answers the exit code of how it stands at the end."""
    if not as_json and not terminal().is_terminal:  # where there is one, the picture has their progress
        sys.stderr.write(f"airlock: what its agents say: airlock logs {run} -f\n")
    try:
        view = await _watched(client, run, wait=wait, as_json=as_json)
    except asyncio.CancelledError:
        sys.stderr.write(f"airlock: the run goes on: airlock runs watch {run}\n")
        raise
    if as_json:
        print_json(view)
        return of_run(view.status)
    console = terminal()
    console.print()
    if (approval := open_approval(view)) is not None:
        print(f"{approval.node} waits for a decision: airlock approvals approve {approval.id}")
    elif view.status is not RunStatus.SUCCESS:
        if console.is_terminal:  # its nodes stand there already
            show_open(console, view)
        else:
            show_run(console, view)
    if view.status.is_final and (await client.artifacts(run=view.id)).items:
        print(f"artifacts: airlock artifacts list --run {one_line(view.id)}")
    if view.status is RunStatus.SUCCESS and (following := await results.next_command(client, view)):
        sys.stderr.write(f"next: {following}\n")
    print(f"{view.status} {one_line(view.id)}")
    return of_run(view.status)


async def _watched(client: AirlockClient, run: str, *, wait: bool, as_json: bool) -> RunView:
    if as_json:
        return await _ended(client, run, wait=wait)
    watch = Watch(client, run, terminal())
    return await watch.until_end() if wait else (await watch.until_gate())[0]


async def _ended(client: AirlockClient, run: str, *, wait: bool) -> RunView:
    async for event in client.events(run):
        if wait or event.type is not EventType.APPROVAL_REQUESTED:
            continue
        if open_approval(view := await client.run(run)) is not None:
            return view
    view = await client.run(run)
    if not view.status.is_final:
        raise CommandError(f"the events of run {run} ended, and the run has not")
    return view
