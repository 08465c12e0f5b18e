"""`airlock workflows`: apply, list, show."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from airlock_contracts.views import WorkflowView

from ..changes import CHANGED, Seen, apply, look, name_in
from ..client import AirlockClient
from ..errors import ProblemError
from ..exits import Exit
from ..show.text import one_line, safe
from .documents import read_document
from .edge import CommandError, command
from .graph import Output, Svg, write_picture
from .output import AsJson, Limit, newest, print_json, print_table, terminal, when
from .target import connect


@dataclass(frozen=True, slots=True)
class _Applied:
    """What became of one document, and the version that was the newest before."""

    view: WorkflowView
    new: bool
    before: Seen | None

    @property
    def line(self) -> str:
        """It, for people."""
        said = f"{'applied  ' if self.new else 'unchanged'} {self.view.name}, version {self.view.version}"
        if not self.new or self.before is None:
            return said
        before = self.before.view
        return f"{said}, in the place of version {before.version} by {one_line(before.created_by, 100)}"


def add(app: typer.Typer) -> None:
    """Add the commands."""
    workflows = typer.Typer(help="Workflows: apply, list, show.", no_args_is_help=True)
    app.add_typer(workflows, name="workflows")

    @command(workflows, "apply")
    async def apply(
        context: typer.Context,
        files: Annotated[list[Path], typer.Argument(help="YAML or JSON; - is stdin.")],
        builds_on: Annotated[
            int | None,
            typer.Option(
                min=0,
                metavar="VERSION",
                help="Only if this is still the newest version; 0: if there is none.",
            ),
        ] = None,
        as_json: AsJson = False,
    ) -> int:
        """Check and keep workflows. What changed becomes a new version; runs keep theirs.

        Where others change a workflow too, name the version that your change builds on: nothing is written
        if somebody has applied another one since.
        """
        if builds_on is not None and len(files) > 1:
            raise CommandError("--builds-on is for one workflow", "apply them one by one", Exit.USAGE)
        documents = [read_document(path) for path in files]
        async with connect(context) as client:
            applied = [await _apply(client, document, builds_on) for document in documents]
        if as_json:
            print_json([one.view for one in applied])
            return 0
        for one in applied:
            print(one.line)
        return 0

    @command(workflows, "list")
    async def list_workflows(context: typer.Context, limit: Limit = 100, as_json: AsJson = False) -> int:
        """Workflows in their newest versions."""
        async with connect(context) as client:
            found = await newest(lambda cursor: client.workflows(cursor=cursor), limit)
        if as_json:
            print_json(found)
            return 0
        rows = (
            (view.name, view.version, len(view.spec.nodes), when(view.created_at), view.spec.description)
            for view in found
        )
        print_table(("workflow", "version", "nodes", "since", "what"), rows, empty="no workflows are applied")
        return 0

    @command(workflows, "show")
    async def show(
        context: typer.Context,
        workflow: Annotated[str, typer.Argument(help="Name or id.")],
        version: Annotated[
            int | None, typer.Option("--version", min=1, help="A version; else the newest.")
        ] = None,
        svg: Svg = False,
        picture: Output = None,
        as_json: AsJson = False,
    ) -> int:
        """One workflow: its nodes, what they depend on, where it asks."""
        async with connect(context) as client:
            if svg or picture is not None:
                await write_picture(await client.workflow_graph(workflow, version), picture)
                return 0
            view = await client.workflow(workflow, version)
        if as_json:
            print_json(view)
            return 0
        console = terminal()
        facts = (
            ("workflow", f"{view.name}, version {view.version}"),
            ("id", view.id),
            ("what", view.spec.description),
            ("applied", f"{when(view.created_at)} by {view.created_by}"),
            ("context", json.dumps(view.spec.input_schema, ensure_ascii=False)),
        )
        for name, value in facts:
            console.print(safe(f"{name:<12}", style="bold"), safe(value), sep="")
        console.print()
        rows = (
            (
                node.id,
                f"{node.agent} {node.action}",
                ", ".join(node.depends_on),
                "yes" if node.approval else "",
            )
            for node in view.spec.nodes
        )
        print_table(("node", "agent", "depends on", "gate"), rows, empty="")
        return 0


async def _apply(client: AirlockClient, document: bytes, builds_on: int | None) -> _Applied:
    """Apply a workflow in the place of the version it builds on, or of the newest as it stands now."""
    name = name_in(document)
    if name is None and builds_on is not None:
        raise CommandError("the workflow says no name: nobody can tell what it builds on", code=Exit.USAGE)
    if name is None:  # the service says what else is wrong with it
        return _Applied(*await client.apply_workflow(document), None)
    seen = None if builds_on == 0 else await look(client, name, builds_on)
    if builds_on and seen is None:
        raise CommandError(f"there is no version {builds_on} of {name}", f"airlock workflows show {name}")
    try:
        return _Applied(*await apply(client, document, seen), seen)
    except ProblemError as error:
        if error.problem.code != CHANGED:
            raise
        newest = error.problem.details.get("version")
        hint = f"`airlock workflows show {name} --json` says what it is now: bring your change into that"
        hint += f", then apply it with --builds-on {newest}" if newest is not None else ""
        raise ProblemError(error.problem.model_copy(update={"hint": hint})) from error
