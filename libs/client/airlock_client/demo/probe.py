"""The demo's look at its own sandboxes: made while the review runs, told in one line at the end."""

import asyncio
from types import TracebackType
from typing import Self

from rich.console import Console

from ..client import AirlockClient
from ..errors import ClientError
from ..exits import Exit
from ..local.probe import Probed, probe
from ..show.probe import show_open
from ..show.text import one_line, safe

Seen = Probed | ClientError
"""What a probe saw, or why there was none."""


class Probing:
    """A probe beside something else: `async with` begins it, and ends it where the other thing fails."""

    def __init__(self, client: AirlockClient) -> None:
        self._task = asyncio.ensure_future(_probe(client))

    async def __aenter__(self) -> Self:
        return self

    async def seen(self) -> Seen:
        """Wait for it."""
        return await self._task

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})


async def _probe(client: AirlockClient) -> Seen:
    try:
        return await probe(client)
    except ClientError as error:
        return error


def show_line(console: Console, seen: Seen, code: Exit) -> Exit:
    """Print `probe: n/n`, and loudly what is open; answers the demo's exit code, given that of its run."""
    if isinstance(seen, ClientError):
        console.print(safe(f"THE SANDBOX COULD NOT BE PROBED: {one_line(seen, 1000)}", style="bold red"))
        console.print("probe: 0/0")
        return code or Exit.ERROR
    if not seen.holds:
        console.print()
        console.print(
            safe("THE SANDBOX IS OPEN: do not let agents near anything you care for", style="bold red")
        )
        show_open(console, seen)
    console.print(safe(seen.line, style="" if seen.holds else "bold red"))
    return code if seen.holds else code or Exit.NOT_SUCCESS
