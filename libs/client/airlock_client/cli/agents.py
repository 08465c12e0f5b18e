"""`airlock agents` and `airlock hosts`: what can be asked to work, and who runs it."""

from pathlib import Path
from typing import Annotated

import typer
from airlock_contracts.manifest import Limits
from airlock_contracts.views import AgentView

from ..client import AirlockClient
from ..errors import ProblemError
from ..show.text import safe, status
from . import agents_author, agents_try
from .agents_author import MANIFEST
from .documents import read_document
from .edge import command
from .output import AsJson, Limit, newest, print_json, print_table, terminal, when
from .target import connect

_IMAGE_PROBLEM = "agent.image"


def add(app: typer.Typer) -> None:
    """Add the commands."""
    agents = typer.Typer(help="Agents: new, build, try, register, list, show.", no_args_is_help=True)
    app.add_typer(agents, name="agents")
    agents_author.add(agents)
    agents_try.add(agents)

    @command(agents, "list")
    async def list_agents(
        context: typer.Context,
        name: Annotated[str | None, typer.Option("--name", help="Only versions of this agent.")] = None,
        limit: Limit = 100,
        as_json: AsJson = False,
    ) -> int:
        """Registered agent versions, the newest first."""
        async with connect(context) as client:
            found = await newest(lambda cursor: client.agents(name=name, cursor=cursor), limit)
        if as_json:
            print_json(found)
            return 0
        rows = (
            (f"{view.name}@{view.version}", view.manifest.type, _actions(view), view.manifest.description)
            for view in found
        )
        print_table(("agent", "type", "actions", "what"), rows, empty="no agents are registered")
        return 0

    @command(agents, "register")
    async def register(
        context: typer.Context,
        manifests: Annotated[list[Path], typer.Argument(help="agent.yaml, or a folder that holds one.")],
        as_json: AsJson = False,
    ) -> int:
        """Register agents. The same content again changes nothing; another content needs another version."""
        files = [path / MANIFEST if path.is_dir() else path for path in manifests]
        documents = [read_document(file) for file in files]
        async with connect(context) as client:
            made = [
                await _register(client, document, path if path != file else None)
                for path, file, document in zip(manifests, files, documents, strict=True)
            ]
        if as_json:
            print_json([view for view, _ in made])
            return 0
        for view, new in made:
            word = "registered" if new else "unchanged "
            print(f"{word} {view.name}@{view.version}  {view.image_digest[:19]}")
        return 0

    @command(agents, "show")
    async def show(
        context: typer.Context,
        agent: Annotated[str, typer.Argument(help="Name (the newest version), name@version, or id.")],
        as_json: AsJson = False,
    ) -> int:
        """One agent version: limits, risk, actions."""
        async with connect(context) as client:
            view = await client.agent(agent)
        if as_json:
            print_json(view)
        else:
            _print_agent(view)
        return 0

    @command(app, "hosts")
    async def hosts(context: typer.Context, as_json: AsJson = False) -> int:
        """Agent hosts: who takes work, with how many slots."""
        async with connect(context) as client:
            found = await client.hosts()
        if as_json:
            print_json(found)
            return 0
        rows = (
            (
                host.name,
                status(host.status),
                host.pool,
                f"{host.busy}/{host.slots}",
                f"{host.memory_mb} MiB",
                host.version,
                when(host.seen_at),
                ", ".join(host.missing_images),
            )
            for host in found
        )
        columns = ("host", "status", "pool", "busy", "memory", "version", "seen", "lacks images")
        print_table(columns, rows, empty="no hosts have announced themselves")
        return 0


async def _register(client: AirlockClient, document: bytes, folder: Path | None) -> tuple[AgentView, bool]:
    """Register one; where its image is missing and it has a folder, say how to build it."""
    try:
        return await client.register_agent(document)
    except ProblemError as error:
        if error.problem.code != _IMAGE_PROBLEM or folder is None:
            raise
        hint = f"build it first, on each host of its pool: airlock agents build {folder}"
        raise ProblemError(error.problem.model_copy(update={"hint": hint})) from error


def _actions(view: AgentView) -> str:
    return ", ".join(f"{name} ({view.manifest.risk_of(name)})" for name in view.manifest.actions)


def _print_agent(view: AgentView) -> None:
    manifest = view.manifest
    network = "none" if isinstance(manifest.network, str) else ", ".join(manifest.network.egress)
    facts = (
        ("agent", f"{view.name}@{view.version}"),
        ("id", view.id),
        ("what", manifest.description),
        ("type", f"{manifest.type}, protocol {manifest.protocol}, isolation {manifest.isolation}"),
        ("image", f"{manifest.image} = {view.image_digest}"),
        ("content", view.content_sha256),
        ("effects", f"{view.effects} (network: {network}; secrets: {', '.join(manifest.secrets) or 'none'})"),
        ("limits", _limits(manifest.limits)),
        ("registered", f"{when(view.created_at)} by {view.created_by}"),
    )
    console = terminal()
    for name, value in facts:
        console.print(safe(f"{name:<12}", style="bold"), safe(value), sep="")
    console.print()
    rows = ((name, manifest.risk_of(name), action.description) for name, action in manifest.actions.items())
    print_table(("action", "risk", "what"), rows, empty="")


def _limits(limits: Limits) -> str:
    parts = (
        f"{limits.memory_mb} MiB of memory",
        f"{limits.cpus:g} cpus",
        f"{limits.pids} processes",
        f"{limits.timeout_seconds} s",
        f"{limits.output_kb} KiB of output",
        f"{limits.scratch_mb} MiB of scratch",
    )
    return ", ".join(parts)
