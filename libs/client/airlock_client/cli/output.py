"""What commands print: tables for people, one JSON document for programs."""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer
from airlock_contracts.base import Message
from airlock_contracts.views import Page
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..show.text import one_line, safe

AsJson = Annotated[
    bool, typer.Option("--json", help="For programs: one JSON document on stdout, nothing else.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many, the newest first.")]
View = TypeVar("View", bound=Message)
PIPE_WIDTH = 120
_NO_WIDTH = 4000
_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def terminal() -> Console:
    """Stdout, for people; a pipe has no width of its own."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def print_json(value: object) -> None:
    """Print one JSON document. Pipes get the very text, nothing folded or coloured."""
    print(json.dumps(_ANY.dump_python(value, mode="json"), indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table, or `empty` when there are no rows. A cell is text from outside, or made by rich."""
    console = terminal()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        # An id in two halves helps nobody, and neither does a line in a pipe.
        table.add_column(column, no_wrap=index == 0 or not console.is_terminal, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else safe(one_line(cell, 500)) for cell in row))
    if not table.row_count:
        console.print(empty, style="dim")
    elif console.is_terminal:
        console.print(table)
    else:
        console.width = _NO_WIDTH
        console.print(table)


async def collect(page: Callable[[str | None], Awaitable[Page[View]]], limit: int) -> list[View]:
    """Read pages until there are `limit` items or no more."""
    found: list[View] = []
    cursor: str | None = None
    while True:
        answer = await page(cursor)
        found += answer.items
        cursor = answer.next_cursor
        if cursor is None or len(found) >= limit:
            return found[:limit]


def when(moment: datetime | None) -> str:
    """A moment for people: UTC, to the second."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
