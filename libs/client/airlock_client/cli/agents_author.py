"""`airlock agents new`, `build`, `try`: an agent of one's own, from its first file to its first attempt."""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from airlock_contracts.manifest import Manifest
from airlock_contracts.statuses import Protocol

from ..exits import Exit
from ..local.authoring import AuthoringProblem, Built, Judged, build_agent, install_label, judge
from ..scaffold.agreement import disagreements
from ..scaffold.manifest_text import CannotWrite, with_schemas
from ..scaffold.project import CannotScaffold, Project, write_project
from ..show.text import one_line, plain, safe, seconds, size
from .documents import read_document
from .edge import CommandError, command
from .output import AsJson, print_json, terminal
from .target import data_folder

MANIFEST = "agent.yaml"
Folder = Annotated[Path, typer.Argument(help="The agent's folder, with agent.yaml and Dockerfile.")]


def add(agents: typer.Typer) -> None:
    """Add the commands."""

    @command(agents, "new")
    async def new(
        name: Annotated[str, typer.Argument(help="What the agent is called: a-z, 0-9 and dashes.")],
        folder: Annotated[
            Path | None, typer.Option("--dir", help="Where its files go; else a folder of its name.")
        ] = None,
        protocol: Annotated[
            Protocol, typer.Option("--protocol", help="airlock/1 is a Python function; stdio is any program.")
        ] = Protocol.AIRLOCK_1,
        as_json: AsJson = False,
    ) -> int:
        """Write the first files of an agent: a function, its manifest, a Dockerfile, a test."""
        try:
            made = await asyncio.to_thread(write_project, name, folder or Path(name), protocol)
        except CannotScaffold as problem:
            raise CommandError(str(problem), code=Exit.USAGE) from problem
        if as_json:
            print_json({"name": made.name, "folder": str(made.folder), "files": list(made.files)})
        else:
            _print_project(made)
        return Exit.OK

    @command(agents, "build")
    async def build(
        context: typer.Context,
        folders: Annotated[list[Path], typer.Argument(help="Folders with agent.yaml and Dockerfile.")],
        base: Annotated[
            str | None,
            typer.Option("--base", metavar="IMAGE", help="In the place of the Dockerfile's ARG base."),
        ] = None,
        write_schemas: Annotated[
            bool, typer.Option("--write-schemas", help="Put what the functions say into agent.yaml.")
        ] = False,
        as_json: AsJson = False,
    ) -> int:
        """Build agents' images, and compare each agent.yaml with the functions behind it."""
        manifests = [await judged_manifest(folder) for folder in folders]
        install = install_label(data_folder(context).install_id())
        built = []
        code = Exit.OK
        for folder, manifest in zip(folders, manifests, strict=True):
            try:
                made = await build_agent(folder, manifest, base, install, _say)
            except AuthoringProblem as problem:
                mend = f"mend {folder / 'Dockerfile'}, or choose another base with --base IMAGE"
                hint = mend if problem.is_of_the_build else "`airlock doctor` looks at every part"
                if problem.is_of_the_code:
                    hint = f"mend it, or add what it imports to {folder / 'Dockerfile'}, and build again"
                raise CommandError(str(problem), hint) from problem
            lines = await _compare(folder, manifest, made, write=write_schemas)
            built.append({"folder": str(folder), **_as_json(made), "disagreements": lines})
            if not as_json:
                _print_built(folder, made, lines)
            code = Exit.ERROR if lines else code
        if as_json:
            print_json(built)
        return code


async def judged_manifest(folder: Path) -> Manifest:
    """Read a folder's manifest as registration does. Raises CommandError with all that it would refuse."""
    path = folder / MANIFEST
    await asyncio.to_thread(read_document, path)  # that it is there, in the words of every other file
    return _taken(path, await judge(path))


def _taken(path: Path, judged: Judged) -> Manifest:
    if judged.manifest is None:
        lines = [f"{one.place}: {one.message} [{one.code}]" for one in judged.findings]
        raise CommandError("\n".join([f"{path} cannot be registered", *lines]))
    return judged.manifest


async def _compare(folder: Path, manifest: Manifest, built: Built, *, write: bool) -> list[str]:
    if built.schemas is None:
        if write:
            raise CommandError(f"the schemas of {folder} cannot be derived: {built.no_schemas}")
        return []
    actions = {name: action.model_dump(mode="json") for name, action in manifest.actions.items()}
    lines = disagreements(built.schemas, actions)
    if not write:
        return lines
    path = folder / MANIFEST
    try:
        written = await asyncio.to_thread(path.read_bytes)  # as text its lines would end in another way
        text = with_schemas(written.decode(), built.schemas)
    except CannotWrite as problem:
        raise CommandError(str(problem)) from problem
    await _replace(path, text)
    _say(f"{path}: actions written as the functions say")
    return []


async def _replace(path: Path, text: str) -> None:
    """Put a manifest in the place of the old one, once it is known that it can be registered."""
    draft = path.with_name(f".{path.name}.new")
    try:
        await asyncio.to_thread(shutil.copy, path, draft)  # with its mode
        await asyncio.to_thread(draft.write_bytes, text.encode())
        _taken(path, await judge(draft))
        await asyncio.to_thread(lambda: draft.replace(path.resolve()))
    finally:
        await asyncio.to_thread(draft.unlink, missing_ok=True)


def _print_project(made: Project) -> None:
    folder = plain(made.folder)
    print(f"made {made.name} in {folder}: {', '.join(made.files)}")
    print("next:")
    workspace = " --workspace ." if "ctx.workspace" in (made.folder / "main.py").read_text() else ""
    print(f"  cd {folder}")
    print("  airlock agents build .")
    print(f"  airlock agents try . --input input.json{workspace}")


def _print_built(folder: Path, built: Built, lines: list[str]) -> None:
    console = terminal()
    took = seconds(built.seconds)
    console.print(
        safe(f"built {built.agent}  {built.image} = {built.image_id[:19]}  {size(built.size)}  in {took}"),
        soft_wrap=True,
    )
    if lines:
        console.print(safe(f"{folder / MANIFEST} and its functions disagree:", style="bold"), soft_wrap=True)
        for line in lines:
            console.print(safe(f"  {line}"), soft_wrap=True)
        console.print(safe(f"mend them, or: airlock agents build {folder} --write-schemas"), soft_wrap=True)
        return
    if built.schemas is None:
        console.print(safe(f"schemas not compared: {built.no_schemas}", style="dim"), soft_wrap=True)
    else:
        console.print(safe("agent.yaml and its functions agree", style="dim"))
    console.print(safe(f"next: airlock agents try {folder} --input FILE"), soft_wrap=True)


def _as_json(built: Built) -> dict[str, object]:
    return {name: getattr(built, name) for name in built.__dataclass_fields__}


def _say(line: str) -> None:
    sys.stderr.write(f"  {one_line(line, 300)}\n")
