"""What commands print: tables for people, one JSON document for programs."""

import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer
from airlock_contracts.base import Message
from airlock_contracts.views import ApprovalView, Page, RunSummary
from pydantic import TypeAdapter
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..show.text import one_line, safe

AsJson = Annotated[
    bool, typer.Option("--json", help="For programs: one JSON document on stdout, nothing else.")
]
OnlyIds = Annotated[bool, typer.Option("--quiet", "-q", help="Only their ids, one a line.")]
MAX_LIMIT = 100_000
_NEXT_LIMIT = 50
"""How many times as many to advise: whoever wants all wants them at once."""
Limit = Annotated[
    int, typer.Option("--limit", min=1, max=MAX_LIMIT, help="At most so many, the newest first.")
]
View = TypeVar("View", bound=Message)
PIPE_WIDTH = 120
_NO_WIDTH = 4000
_PROSE_WIDTH = 20
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


def print_ids(views: Iterable[RunSummary | ApprovalView]) -> None:
    """Print ids for a script, one a line."""
    for view in views:
        print(one_line(view.id))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table, or `empty` when there are no rows. A cell is text from outside, or made by rich."""
    console = terminal()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        # An id in two halves helps nobody, and neither does a line in a pipe.
        table.add_column(column, no_wrap=index == 0 or not console.is_terminal, overflow="fold")
    cells = [[cell if isinstance(cell, Text) else safe(one_line(cell, 500)) for cell in row] for row in rows]
    for line in cells:
        table.add_row(*line)
    if not cells:
        console.print(empty, style="dim")
    elif console.is_terminal and _too_wide(columns, cells, console.width):
        for line in cells:
            _print_record(console, columns, line)
    elif console.is_terminal:
        console.print(table)
    else:
        console.width = _NO_WIDTH
        console.print(table)


def _too_wide(columns: Sequence[str], rows: list[list[Text]], width: int) -> bool:
    """Whether a column would be folded; the last one alone may be, down to some words a line."""
    widths = [max(len(name), *(row[index].cell_len for row in rows)) for index, name in enumerate(columns)]
    return sum(widths[:-1]) + min(widths[-1], _PROSE_WIDTH) + 2 * (len(widths) - 1) > width


def _print_record(console: Console, columns: Sequence[str], row: list[Text]) -> None:
    """A row as a paragraph: the first two cells as they are, the others beneath them with their names."""
    console.print(Text("  ").join(row[:2]), soft_wrap=True)
    rest = [
        Text.assemble((f"{name} ", "dim"), cell)
        for name, cell in zip(columns[2:], row[2:], strict=True)
        if cell.plain
    ]
    if rest:
        console.print(Padding(Text(", ").join(rest), (0, 0, 0, 2)))


async def collect(page: Callable[[str | None], Awaitable[Page[View]]], limit: int) -> tuple[list[View], bool]:
    """Read pages until there are `limit` items or no more; and whether there are more."""
    found: list[View] = []
    cursor: str | None = None
    while True:
        answer = await page(cursor)
        found += answer.items
        cursor = answer.next_cursor
        if cursor is None or len(found) >= limit:
            return found[:limit], cursor is not None or len(found) > limit


async def newest(page: Callable[[str | None], Awaitable[Page[View]]], limit: int) -> list[View]:
    """What a command lists: the newest ones. Stderr tells that there are more: nobody takes these for all."""
    found, more = await collect(page, limit)
    if more:
        advice = f": --limit {min(_NEXT_LIMIT * limit, MAX_LIMIT)} shows more" if limit < MAX_LIMIT else ""
        sys.stderr.write(f"airlock: these are the newest {limit}, and there are more{advice}\n")
    return found


def when(moment: datetime | None) -> str:
    """A moment for people: UTC, to the second."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
