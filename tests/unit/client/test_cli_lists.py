"""A list that is cut off says so, and how to see more."""

import asyncio

import pytest
import typer
from airlock_client.cli.output import Limit, newest
from airlock_contracts.base import Message
from airlock_contracts.views import Page
from typer.testing import CliRunner


class Thing(Message):
    n: int


def listing(things: int) -> typer.Typer:
    """A command that lists so many things, of which a page holds two."""
    app = typer.Typer()

    async def page(cursor: str | None) -> Page[Thing]:
        first = int(cursor or 0)
        last = min(first + 2, things)
        items = [Thing(n=n) for n in range(first, last)]
        return Page[Thing](items=items, next_cursor=str(last) if last < things else None)

    @app.command()
    def show(limit: Limit = 4) -> None:
        typer.echo(" ".join(str(thing.n) for thing in asyncio.run(newest(page, limit))))

    return app


@pytest.mark.parametrize(
    ("things", "asked", "shown", "told"),
    [
        (4, [], "0 1 2 3\n", ""),
        (5, [], "0 1 2 3\n", "airlock: these are the newest 4, and there are more: --limit 200 shows more\n"),
        (
            5,
            ["--limit", "1"],
            "0\n",
            "airlock: these are the newest 1, and there are more: --limit 50 shows more\n",
        ),
        (5, ["--limit", "5"], "0 1 2 3 4\n", ""),
        (5, ["--limit", "9"], "0 1 2 3 4\n", ""),
    ],
)
def test_nobody_takes_the_newest_for_all(things: int, asked: list[str], shown: str, told: str) -> None:
    done = CliRunner().invoke(listing(things), asked)
    assert (done.exit_code, done.stdout, done.stderr) == (0, shown, told)
