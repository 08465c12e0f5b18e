"""`airlock agents try`: one attempt in the real sandbox, judged as a run's would be. No server, no run."""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import airlock_sdk.artifact
import typer
from airlock_contracts import strict_json
from airlock_contracts.artifacts import find_artifacts
from airlock_contracts.failures import Failure
from airlock_contracts.manifest import Manifest
from airlock_contracts.statuses import Protocol
from pydantic import ValidationError

from ..exits import Exit
from ..local.authoring import (
    GIVEN,
    INPUT,
    MADE,
    OUTPUT,
    AuthoringProblem,
    exchange_folder,
    install_label,
    judge,
    try_agent,
)
from ..show.attempt import Hearing, tell_failure, timing_line
from ..show.text import one_line, plain, size
from ..transfers import digest_of
from ..workspaces import MEDIA_TYPE, pack
from .agents_author import MANIFEST, Folder, judged_manifest
from .artifacts import WithIgnored, tell_left_out
from .documents import read_document
from .edge import CommandError, command
from .output import AsJson, print_json
from .target import data_folder

_WORKSPACE = "workspace"


def add(agents: typer.Typer) -> None:
    """Add the command."""

    @command(agents, "try")
    async def try_(
        context: typer.Context,
        folder: Folder,
        given: Annotated[
            str,
            typer.Option("--input", metavar="FILE|-|JSON", help="The input: a file, stdin, or JSON itself."),
        ] = "{}",
        action: Annotated[
            str | None, typer.Option("--action", help="Which one; needed where the agent has several.")
        ] = None,
        workspace: Annotated[
            Path | None, typer.Option("--workspace", help="A folder; it stands as `workspace` in the input.")
        ] = None,
        with_ignored: WithIgnored = False,
        attach: Annotated[
            list[str] | None,
            typer.Option("--attach", metavar="NAME=FILE", help="A file; it stands as NAME in the input."),
        ] = None,
        output: Annotated[
            Path | None, typer.Option("--output", "-o", help="Write the answer here, byte for byte.")
        ] = None,
        artifacts: Annotated[
            Path | None, typer.Option("--artifacts", help="A folder for the artifacts that it makes.")
        ] = None,
        as_json: AsJson = False,
    ) -> int:
        """Ask an agent once, in the real sandbox with its real limits; no server and no run is needed.

        The answer goes to stdout, what the agent says and where the time went to stderr. Exit code 2 where it
        fails, or where its answer breaks its schema.
        """
        manifest = await judged_manifest(folder)
        chosen = _chosen(manifest, action)
        hearing = Hearing(quiet=as_json)
        with exchange_folder() as exchange:
            await _prepare(exchange, manifest, given, workspace, attach or [], with_ignored=with_ignored)
            judged = await judge(folder / MANIFEST, action=chosen, exchange=exchange)
            if judged.failure is not None:
                return _refused(judged.failure, as_json=as_json)
            try:
                answer = await try_agent(
                    manifest,
                    chosen,
                    exchange,
                    install=install_label(data_folder(context).install_id()),
                    hear=hearing.hear,
                )
            except AuthoringProblem as problem:
                first, _, rest = str(problem).partition("\nnext: ")
                hint = rest.replace("FOLDER", str(folder))
                raise CommandError(first, hint) from problem
            finally:
                hearing.end()
            failure = await _judged(folder, chosen, exchange, answer)
            said = await asyncio.to_thread((exchange / OUTPUT).read_bytes)
            kept = await asyncio.to_thread(_keep, exchange, hearing.events, artifacts)
            if output is not None:
                await asyncio.to_thread(output.write_bytes, said)
        if as_json:
            print_json(_document(answer, failure, said, hearing.events, kept))
        else:
            _print(folder, manifest, answer, failure, said, kept, shown=output is None)
        return Exit.OK if failure is None else Exit.NOT_SUCCESS


def _chosen(manifest: Manifest, action: str | None) -> str:
    known = list(manifest.actions)
    if action in known:
        return str(action)
    if action is None and len(known) == 1:
        return known[0]
    said = (
        f"{manifest.name} has no action {action}" if action else f"{manifest.name} has {len(known)} actions"
    )
    raise CommandError(f"{said}: choose one of {', '.join(known)}", "--action NAME", Exit.USAGE)


async def _prepare(
    exchange: Path,
    manifest: Manifest,
    given: str,
    workspace: Path | None,
    attach: list[str],
    *,
    with_ignored: bool,
) -> None:
    """Put input and artifacts where the sandbox's side finds them. Raises CommandError."""
    if (workspace or attach) and manifest.protocol is Protocol.STDIO:
        raise CommandError(f"{manifest.name} speaks stdio, which has no artifacts", code=Exit.USAGE)
    document = await asyncio.to_thread(_read_input, given)
    if not workspace and not attach:
        await asyncio.to_thread((exchange / INPUT).write_bytes, document)
        return
    try:
        value = strict_json.parse(document)
    except strict_json.InvalidJson as error:
        raise CommandError(f"the input is not strict JSON: {error}", code=Exit.USAGE) from error
    if not isinstance(value, dict):
        raise CommandError("the input is not a JSON object", code=Exit.USAGE)
    if workspace is not None:
        packed = await pack(workspace, with_ignored=with_ignored)
        tell_left_out(packed)
        try:
            value[_WORKSPACE] = await asyncio.to_thread(_give, exchange, packed.path, MEDIA_TYPE)
        finally:
            await asyncio.to_thread(packed.path.unlink, missing_ok=True)
    for one in attach:
        name, sign, file = one.partition("=")
        if not sign or not name:
            raise CommandError(f"--attach {one}: write NAME=FILE", code=Exit.USAGE)
        value[name] = await asyncio.to_thread(_give, exchange, Path(file), "application/octet-stream")
    _check_given(exchange, value)
    await asyncio.to_thread((exchange / INPUT).write_text, json.dumps(value, ensure_ascii=False), "utf-8")


def _read_input(given: str) -> bytes:
    if given.lstrip().startswith(("{", "[")):
        return given.encode()
    return read_document(Path(given))


def _give(exchange: Path, path: Path, media_type: str) -> dict[str, Any]:
    digest, count = digest_of(path)
    shutil.copyfile(path, exchange / GIVEN / digest)
    return dict(airlock_sdk.artifact.reference(f"sha256:{digest}", count, media_type))


def _check_given(exchange: Path, value: dict[str, Any]) -> None:
    try:
        missing = [
            ref.artifact for _, ref in find_artifacts(value) if not (exchange / GIVEN / ref.sha256).exists()
        ]
    except ValidationError as error:
        raise CommandError(
            f"an artifact reference in the input is malformed: {error}", code=Exit.USAGE
        ) from error
    if missing:
        raise CommandError(
            f"the input names artifacts that are not here: {', '.join(missing)[:200]}",
            "give a folder with --workspace, a file with --attach NAME=FILE",
            Exit.USAGE,
        )


def _refused(failure: Failure, *, as_json: bool) -> int:
    """The input is not what the agent takes: nothing was started."""
    if as_json:
        print_json({"status": "REFUSED", "failure": failure.model_dump(mode="json")})
    tell_failure(failure)
    return Exit.ERROR


async def _judged(folder: Path, action: str, exchange: Path, answer: dict[str, Any]) -> Failure | None:
    """Why it failed: the sandbox's word, else what the service would say of the answer."""
    if answer["failure"] is not None:
        return Failure.model_validate(answer["failure"])
    made = [one["artifact"].removeprefix("sha256:") for one in answer["artifacts"]]
    return (await judge(folder / MANIFEST, action=action, exchange=exchange, made=made, output=True)).failure


def _keep(exchange: Path, events: list[dict[str, Any]], folder: Path | None) -> list[Path]:
    """Copy the artifacts that were made into a folder, under the names that the agent gave them."""
    if folder is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    kept: list[Path] = []
    for event in events:
        if event.get("event") == "artifact":
            sha256 = event["artifact"].removeprefix("sha256:")
            path = folder / event["name"]
            if path in kept:
                path = folder / f"{sha256[:12]}-{event['name']}"
            shutil.copyfile(exchange / MADE / sha256, path)
            kept.append(path)
    return kept


def _document(
    answer: dict[str, Any],
    failure: Failure | None,
    said: bytes,
    events: list[dict[str, Any]],
    kept: list[Path],
) -> dict[str, Any]:
    succeeded = failure is None
    return {
        **answer,
        "status": "SUCCESS" if succeeded else "FAILED",
        "failure": failure.model_dump(mode="json") if failure else None,
        "output": strict_json.parse(said) if succeeded else None,
        "raw_output": None if succeeded else said.decode("utf-8", "replace")[:16_384],
        "events": events,
        "kept": [str(path) for path in kept],
    }


def _print(
    folder: Path,
    manifest: Manifest,
    answer: dict[str, Any],
    failure: Failure | None,
    said: bytes,
    kept: list[Path],
    *,
    shown: bool,
) -> None:
    for path in kept:
        sys.stderr.write(f"  kept      {one_line(path)}  {size(path.stat().st_size)}\n")
    if failure is not None:
        has_functions = manifest.protocol is Protocol.AIRLOCK_1
        tell_failure(failure, derivable=folder if has_functions else None)
        if said:
            sys.stderr.write(f"  it printed: {one_line(said[:500].decode('utf-8', 'replace'), 500)}\n")
        sys.stderr.write(f"  {timing_line(answer, manifest.limits.memory_mb)}\n")
        return
    if shown:
        print(plain(json.dumps(strict_json.parse(said), indent=2, ensure_ascii=False)), flush=True)
    sys.stderr.write(f"SUCCESS  {timing_line(answer, manifest.limits.memory_mb)}\n")
