"""`airlock workflows`: apply, list, show."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..show.text import safe
from .documents import read_document
from .edge import command
from .graph import Output, Svg, write_picture
from .output import AsJson, Limit, collect, print_json, print_table, terminal, when
from .target import connect


def add(app: typer.Typer) -> None:
    """Add the commands."""
    workflows = typer.Typer(help="Workflows: apply, list, show.", no_args_is_help=True)
    app.add_typer(workflows, name="workflows")

    @command(workflows, "apply")
    async def apply(
        context: typer.Context,
        files: Annotated[list[Path], typer.Argument(help="YAML or JSON; - is stdin.")],
        as_json: AsJson = False,
    ) -> int:
        """Check and keep workflows. What changed becomes a new version; runs keep theirs."""
        documents = [read_document(path) for path in files]
        async with connect(context) as client:
            applied = [await client.apply_workflow(document) for document in documents]
        if as_json:
            print_json([view for view, _ in applied])
            return 0
        for view, new in applied:
            print(f"{'applied  ' if new else 'unchanged'} {view.name}, version {view.version}")
        return 0

    @command(workflows, "list")
    async def list_workflows(context: typer.Context, limit: Limit = 100, as_json: AsJson = False) -> int:
        """Workflows in their newest versions."""
        async with connect(context) as client:
            found = await collect(lambda cursor: client.workflows(cursor=cursor), limit)
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
