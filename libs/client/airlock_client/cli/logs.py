"""`airlock logs`: what the agents of a run say, while they work and afterwards."""

import sys
from collections.abc import AsyncIterator
from typing import Annotated

import typer
from airlock_contracts.logs import LogLevel, LogView

from ..client import AirlockClient
from ..exits import Exit
from ..show.logs import LogLines
from .edge import CommandError, command
from .ids import whole_run
from .output import terminal
from .target import connect

_RANKS = {level: rank for rank, level in enumerate(LogLevel)}
_PAGE = 1000
_NAMED = 50


def add(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "logs")
    async def logs(
        context: typer.Context,
        run: Annotated[str, typer.Argument(help="The run's id.")],
        follow: Annotated[
            bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")
        ] = False,
        node: Annotated[str | None, typer.Option("--node", help="Only of this node.")] = None,
        attempt: Annotated[
            int | None, typer.Option("--attempt", min=1, help="Only of attempts of this number.")
        ] = None,
        level: Annotated[
            LogLevel,
            typer.Option("--level", case_sensitive=False, help="Only what matters as much, or more."),
        ] = LogLevel.DEBUG,
        as_json: Annotated[
            bool, typer.Option("--json", help="For programs: one JSON object per line, nothing else.")
        ] = False,
    ) -> int:
        """What the agents of a run say: their log, their progress, their stderr.

        It is kept beside the run, so it is there when the container is gone. Hosts send lines without waiting
        for an answer: what gets lost on the way is counted and said.
        """
        console, lines, shown = terminal(), LogLines(), False
        async with connect(context) as client:
            run = await whole_run(client, run)
            if node is not None:
                await _check_node(client, run, node)
            said = (
                client.follow_logs(run, node=node, attempt=attempt)
                if follow
                else _kept(client, run, node, attempt)
            )
            async for line in said:
                if _RANKS[line.level] < _RANKS[level]:
                    continue
                shown = True
                if as_json:
                    print(line.model_dump_json(exclude_none=True), flush=True)
                else:
                    console.print(lines.text(line), soft_wrap=True)
        if not shown and not as_json:
            sys.stderr.write("no lines: nothing was said, or nothing that matches\n")
        return Exit.OK


async def _check_node(client: AirlockClient, run: str, node: str) -> None:
    """Raises CommandError for a node that the run does not have: it never says a line."""
    known = [one.id for one in (await client.run(run)).nodes]
    if node not in known:
        named = ", ".join(known[:_NAMED]) + (", …" if len(known) > _NAMED else "")
        raise CommandError(f"run {run} has no node {node}", f"its nodes: {named}")


async def _kept(
    client: AirlockClient, run: str, node: str | None, attempt: int | None
) -> AsyncIterator[LogView]:
    """The lines that there are now, page by page."""
    after: int | None = 0
    while after is not None:
        page = await client.logs(run, after=after, node=node, attempt=attempt, limit=_PAGE)
        for line in page.items:
            yield line
        after = None if page.next_cursor is None else int(page.next_cursor)
