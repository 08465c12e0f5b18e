"""`airlock probe` runs an agent that looks for a way out of its sandbox."""

from typing import Annotated

import typer

from ..exits import Exit
from ..local.probe import POOL, NoProbe, probe
from ..show.probe import show_probe
from .edge import CommandError, command
from .output import AsJson, print_json, terminal
from .target import connect


def add(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "probe")
    async def probe_command(
        context: typer.Context,
        pool: Annotated[str, typer.Option("--pool", help="Which hosts; one of them takes it.")] = POOL,
        as_json: AsJson = False,
    ) -> int:
        """Try from inside a sandbox what an agent should not be able to do, and print what was seen.

        Registers the agent where it is missing and runs it as any step is run. Exit codes: 0 everything that
        was tried holds, 2 something is open.
        """
        async with connect(context) as client:
            try:
                probed = await probe(client, pool)
            except NoProbe as error:
                raise CommandError(str(error), error.hint) from error
        if as_json:
            print_json(probed.as_dict())
        else:
            show_probe(terminal(), probed)
            print(probed.line)
        return Exit.OK if probed.holds else Exit.NOT_SUCCESS
