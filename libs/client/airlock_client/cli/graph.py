"""`airlock runs graph`: the DAG of a run, as text or as a picture."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ..exits import Exit
from ..show.graph import Picture, headed
from .edge import command
from .ids import whole_run
from .output import terminal
from .target import connect

_PIPE_WIDTH = 1000
Svg = Annotated[bool, typer.Option("--svg", help="As a picture, SVG, on stdout or in --output.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="The file for the picture; it is replaced.")
]


def add(runs: typer.Typer) -> None:
    """Add the command."""

    @command(runs, "graph")
    async def graph(
        context: typer.Context,
        run: Annotated[str, typer.Argument(help="Its id.")],
        svg: Svg = False,
        output: Output = None,
    ) -> int:
        """A run's DAG as it stands: a line per node, layer by layer; or with --svg a picture."""
        async with connect(context) as client:
            run = await whole_run(client, run)
            if svg or output is not None:
                await write_picture(await client.run_graph(run), output)
                return Exit.OK
            view = await client.run(run)
        console = terminal()
        if not console.is_terminal:
            console.width = _PIPE_WIDTH  # nothing is cut for a program
        console.print(headed(Picture(view, datetime.now(UTC)), width=console.width))
        return Exit.OK


async def write_picture(picture: bytes, output: Path | None) -> None:
    """Put a picture where it is wanted. Raises OSError."""
    if output is not None:
        await asyncio.to_thread(output.write_bytes, picture)
        return
    sys.stdout.buffer.write(picture)  # it has no character that a terminal would obey
    sys.stdout.flush()
