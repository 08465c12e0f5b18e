"""`airlock doctor` looks at every part, `airlock purge` removes what an install left."""

import sys
from contextlib import AsyncExitStack
from typing import Annotated

import typer
from airlock_contracts.callers import COMMAND_LINE
from rich.text import Text

from ..client import AirlockClient
from ..exits import Exit
from ..local.doctor import examine
from ..local.findings import Finding, Verdict
from ..local.purge import Leftover, list_leftovers, remove_leftovers
from ..show.ask import ask_yes
from ..show.text import one_line, safe
from .edge import CommandError, command
from .output import AsJson, print_json, print_table, terminal
from .stack import DataDir
from .target import Asked, asked, data_folder, find_target

_STYLES = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.WRONG: "bold red",
    Verdict.UNKNOWN: "bold cyan",
    Verdict.REMOTE: "cyan",
}


def add(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, "doctor")
    async def doctor(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> int:
        """Look at every part: what is wrong, and how to mend it.

        OK, WARNING (it works, and should be looked at), WRONG (it does not, or is not safe), UNKNOWN (it
        could not be looked at), REMOTE (it is on another machine: look there).
        Exit codes: 0 nothing is wrong, 1 something is, or could not be looked at.
        """
        folder = data_folder(context, data_dir)
        options = asked(context)
        state = folder.state()
        elsewhere = options.url is not None and (state is None or options.url.rstrip("/") != state.api_url)
        async with AsyncExitStack() as stack:
            client, lacking = None, ""
            try:
                target = find_target(Asked(options.url, options.key_file, folder.path))
                client = await stack.enter_async_context(
                    AirlockClient(target.url, target.key, program=COMMAND_LINE)
                )
            except CommandError as error:
                lacking = str(error)
            findings = await examine(folder, client, lacking, elsewhere=elsewhere)
        if as_json:
            print_json([finding.as_dict() for finding in findings])
        else:
            _tell(findings)
        return Exit.OK if all(finding.verdict.passes for finding in findings) else Exit.ERROR

    @command(app, "purge")
    async def purge(
        context: typer.Context,
        data_dir: DataDir = None,
        keep_images: Annotated[
            bool, typer.Option("--keep-images", help="The images of agents of your own stay, too.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
        as_json: AsJson = False,
    ) -> int:
        """Remove containers, networks and data of this install, and your own agents' images built for it.

        Lists them first, and asks. Airlock's own images stay: all installs of a machine share them, and
        others may have registered them.
        """
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


def _tell(findings: list[Finding]) -> None:
    console = terminal()
    for finding in findings:
        console.print(
            Text(f"{finding.verdict:<8}", style=_STYLES[finding.verdict]),
            safe(f"{finding.part:<16} {one_line(finding.what, 1000)}"),
            soft_wrap=True,
        )
        if finding.mend:
            console.print(safe(f"{'':<26}{one_line(finding.mend, 1000)}", style="bold"), soft_wrap=True)
    count = {verdict: sum(one.verdict is verdict for one in findings) for verdict in Verdict}
    console.print()
    told = [f"{number} {verdict}" for verdict, number in count.items() if number]
    console.print(safe(", ".join(told)))


def _print(items: list[Leftover]) -> None:
    rows = ((item.kind, item.name, item.id[:19], _state(item)) for item in items)
    print_table(("kind", "name", "id", ""), rows, empty="")


def _state(item: Leftover) -> str:
    return "removed" if item.removed else f"kept: {item.problem}" if item.problem else ""
