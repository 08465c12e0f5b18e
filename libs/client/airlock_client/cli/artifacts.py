"""`airlock artifacts`: put a file or a folder, get bytes back."""

import asyncio
import mimetypes
from pathlib import Path
from typing import Annotated

import typer
from airlock_contracts.artifacts import ArtifactRef

from ..client import AirlockClient
from ..exits import Exit
from ..show.text import one_line, size
from ..workspaces import MEDIA_TYPE, PackedFolder, pack_folder
from .edge import CommandError, command
from .output import AsJson, print_json
from .target import connect

_DEFAULT_TYPE = "application/octet-stream"
_SHOWN_SKIPS = 10


def add(app: typer.Typer) -> None:
    """Add the commands."""
    artifacts = typer.Typer(help="Artifacts: put files and folders, get them back.", no_args_is_help=True)
    app.add_typer(artifacts, name="artifacts")

    @command(artifacts, "put")
    async def put(
        context: typer.Context,
        path: Annotated[Path, typer.Argument(help="A file; or a folder, which becomes a workspace.")],
        media_type: Annotated[
            str | None, typer.Option("--media-type", help="Else guessed from the name.")
        ] = None,
        as_json: AsJson = False,
    ) -> int:
        """Put a file, or a folder as a workspace (without what .gitignore leaves out); prints its digest."""
        async with connect(context) as client:
            if path.is_dir():
                reference, packed = await put_workspace(client, path)
                tell_skipped(packed)
            else:
                found = media_type or mimetypes.guess_type(path.name)[0] or _DEFAULT_TYPE
                reference = await client.put_artifact(path, found)
        if as_json:
            print_json(reference)
        else:
            print(reference.artifact)
        return 0

    @command(artifacts, "get")
    async def get(
        context: typer.Context,
        digest: Annotated[str, typer.Argument(help="sha256:… or the bare digest.")],
        output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")],
        as_json: AsJson = False,
    ) -> int:
        """Get an artifact into a file; its digest is checked on the way."""
        if output.is_dir():
            raise CommandError(f"{output} is a folder", "name a file with --output", Exit.USAGE)
        async with connect(context) as client:
            count = await client.get_artifact(digest, output)
        if as_json:
            print_json({"file": str(output), "size": count})
        else:
            print(f"{one_line(output)}  {size(count)}")
        return 0


async def put_workspace(client: AirlockClient, folder: Path) -> tuple[ArtifactRef, PackedFolder]:
    """Pack a folder and put it."""
    packed = await asyncio.to_thread(pack_folder, folder)
    try:
        return await client.put_artifact(packed.path, MEDIA_TYPE), packed
    finally:
        await asyncio.to_thread(packed.path.unlink, missing_ok=True)


def tell_skipped(packed: PackedFolder) -> None:
    """Say on stderr what a workspace cannot hold and so lacks."""
    for name in packed.skipped[:_SHOWN_SKIPS]:
        typer.echo(f"airlock: left out {one_line(name)}: a link or the like", err=True)
    if len(packed.skipped) > _SHOWN_SKIPS:
        typer.echo(f"airlock: and {len(packed.skipped) - _SHOWN_SKIPS} more", err=True)
