"""`airlock doctor` looks at every part, `airlock purge` removes what an install left."""

import sys
from contextlib import AsyncExitStack
from typing import Annotated

import typer
from rich.text import Text

from ..client import AirlockClient
from ..exits import Exit
from ..local.doctor import Verdict, examine
from ..local.purge import Leftover, list_leftovers, remove_leftovers
from ..show.ask import ask_yes
from ..show.text import safe
from .edge import CommandError, command
from .output import AsJson, print_json, print_table, terminal
from .stack import DataDir
from .target import Asked, asked, data_folder, find_target

_STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "bold red"}


def add(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, "doctor")
    async def doctor(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> int:
        """Look at every part: what is wrong, and how to mend it."""
        folder = data_folder(context, data_dir)
        options = asked(context)
        async with AsyncExitStack() as stack:
            client, lacking = None, ""
            try:
                target = find_target(Asked(options.url, options.key_file, folder.path))
                client = await stack.enter_async_context(AirlockClient(target.url, target.key))
            except CommandError as error:
                lacking = str(error)
            findings = await examine(folder, client, lacking)
        if as_json:
            print_json([finding.as_dict() for finding in findings])
        else:
            console = terminal()
            for finding in findings:
                console.print(
                    Text(f"{finding.verdict:<8}", style=_STYLES[finding.verdict]),
                    safe(f"{finding.part:<14} {finding.what}"),
                    soft_wrap=True,
                )
                if finding.mend:
                    console.print(safe(f"{'':<24}{finding.mend}", style="bold"), soft_wrap=True)
        return Exit.ERROR if any(finding.verdict is Verdict.WRONG for finding in findings) else Exit.OK

    @command(app, "purge")
    async def purge(
        context: typer.Context,
        data_dir: DataDir = None,
        keep_images: Annotated[
            bool, typer.Option("--keep-images", help="The agents' images stay; all installs share them.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
        as_json: AsJson = False,
    ) -> int:
        """Remove containers, networks, images and data of this install: lists them first, and asks."""
        folder = data_folder(context, data_dir)
        if (state := folder.state()) is not None:
            raise CommandError(
                f"Airlock runs at {state.api_url} (process {state.pid})", "first: airlock down"
            )
        folder.check()
        found = await list_leftovers(folder, images=not keep_images)
        if not found:
            print_json([]) if as_json else print(f"nothing of an install at {folder.path} is left")
            return Exit.OK
        if not as_json:
            _print(found)
        if not yes:
            if as_json or not sys.stdin.isatty():
                if as_json:
                    print_json(found)
                raise CommandError("nothing was removed", "without a terminal say --yes", Exit.USAGE)
            if not await ask_yes("remove all of this?"):
                print("nothing was removed")
                return Exit.ERROR
        removed = await remove_leftovers(folder, images=not keep_images)
        print_json(removed) if as_json else _print(removed)
        return Exit.OK if all(item.removed for item in removed) else Exit.ERROR


def _print(items: list[Leftover]) -> None:
    rows = ((item.kind, item.name, item.id[:19], _state(item)) for item in items)
    print_table(("kind", "name", "id", ""), rows, empty="")


def _state(item: Leftover) -> str:
    return "removed" if item.removed else f"kept: {item.problem}" if item.problem else ""
