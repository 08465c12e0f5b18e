"""`airlock artifacts`: put a file or a folder, list what there is, get bytes back."""

import asyncio
import mimetypes
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer
from airlock_contracts.artifacts import ArtifactRef

from ..client import AirlockClient
from ..exits import Exit
from ..results import named_in, read_outputs
from ..show.packed import left_out
from ..show.text import one_line, size
from ..workspaces import MEDIA_TYPE, PackedFolder, pack
from .edge import CommandError, command
from .ids import whole_run
from .output import AsJson, Limit, newest, print_json, print_table, when
from .target import connect

_DEFAULT_TYPE = "application/octet-stream"
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
WITH_IGNORED = "Take in what .gitignore names and git does not track."
WithIgnored = Annotated[bool, typer.Option("--with-ignored", help=WITH_IGNORED)]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    artifacts = typer.Typer(help="Artifacts: put files and folders, list and get them.", no_args_is_help=True)
    app.add_typer(artifacts, name="artifacts")

    @command(artifacts, "list")
    async def list_artifacts(
        context: typer.Context,
        run: Annotated[
            str | None, typer.Option("--run", help="Only what this run's context, inputs and outputs name.")
        ] = None,
        limit: Limit = 100,
        as_json: AsJson = False,
    ) -> int:
        """Artifacts, those put last first; of a run also what its context and outputs call them."""
        async with connect(context) as client:
            run = None if run is None else await whole_run(client, run)
            found = await newest(lambda cursor: client.artifacts(run=run, cursor=cursor), limit)
            places = await _places(client, run) if run is not None and found else {}
        if as_json:
            listed = [one.model_dump(mode="json") for one in found]
            named = [one | {"places": places.get(one["artifact"], [])} for one in listed]
            print_json(listed if run is None else named)
            return Exit.OK
        rows = (
            (one.artifact, size(one.size), one.media_type, when(one.created_at))
            + (() if run is None else (", ".join(places.get(one.artifact, [])),))
            for one in found
        )
        columns = ("artifact", "size", "type", "put") + (() if run is None else ("where",))
        print_table(columns, rows, empty="no artifacts")
        return Exit.OK

    @command(artifacts, "put")
    async def put(
        context: typer.Context,
        path: Annotated[Path, typer.Argument(help="A file; or a folder, which becomes a workspace.")],
        media_type: Annotated[
            str | None, typer.Option("--media-type", help="Else guessed from the name.")
        ] = None,
        with_ignored: WithIgnored = False,
        as_json: AsJson = False,
    ) -> int:
        """Put a file, or a folder as a workspace; prints its digest.

        Of a folder what .gitignore names and git does not track is left out, and counted.
        """
        async with connect(context) as client:
            if path.is_dir():
                reference, packed = await put_workspace(client, path, with_ignored=with_ignored)
                tell_left_out(packed)
            else:
                found = media_type or guess_type(path)
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
        output: Annotated[
            Path | None, typer.Option("--output", "-o", help="Where to write it; else to stdout, for a pipe.")
        ] = None,
        as_json: AsJson = False,
    ) -> int:
        """Get an artifact; its digest is checked before anybody sees a byte of it."""
        if output is None:
            if as_json or sys.stdout.isatty():
                raise CommandError("its bytes are not for a terminal", "name a file: -o FILE", Exit.USAGE)
            async with connect(context) as client:
                await _to_stdout(client, digest)
            return Exit.OK
        if output.is_dir():
            raise CommandError(f"{output} is a folder", "name a file with --output", Exit.USAGE)
        async with connect(context) as client:
            count = await client.get_artifact(digest, output)
        if as_json:
            print_json({"file": str(output), "size": count})
        else:
            print(f"{one_line(output)}  {size(count)}")
        return 0


def guess_type(path: Path) -> str:
    """The media type by a file's name; of what is compressed by its outside: a .tar.gz is no workspace."""
    found, compressed = mimetypes.guess_type(path.name)
    if compressed is not None:
        return _COMPRESSED.get(compressed, _DEFAULT_TYPE)
    return found or _DEFAULT_TYPE


async def _to_stdout(client: AirlockClient, digest: str) -> None:
    with tempfile.TemporaryDirectory(prefix="airlock-artifact-") as folder:
        whole = Path(folder, "artifact")
        await client.get_artifact(digest, whole)
        await asyncio.to_thread(_print_bytes, whole)


def _print_bytes(path: Path) -> None:
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.flush()


async def _places(client: AirlockClient, run: str) -> dict[str, list[str]]:
    """Where a run's context and outputs name artifacts, spelled as a template would: by digest."""
    view = await client.run(run)
    outputs = await read_outputs(client, view)
    documents = {"context": view.context} | {f"nodes.{node}.output": one for node, one in outputs.items()}
    places: dict[str, list[str]] = defaultdict(list)
    for name, document in documents.items():
        for pointer, reference in named_in(document):
            places[reference.artifact].append(name + pointer.replace("/", "."))
    return places


async def put_workspace(
    client: AirlockClient, folder: Path, *, with_ignored: bool = False
) -> tuple[ArtifactRef, PackedFolder]:
    """Pack a folder and put it."""
    packed = await pack(folder, with_ignored=with_ignored)
    try:
        return await client.put_artifact(packed.path, MEDIA_TYPE), packed
    finally:
        await asyncio.to_thread(packed.path.unlink, missing_ok=True)


def tell_left_out(packed: PackedFolder) -> None:
    """Say on stderr what of the folder a workspace lacks."""
    for line in left_out(packed):
        typer.echo(f"airlock: {line}", err=True)
