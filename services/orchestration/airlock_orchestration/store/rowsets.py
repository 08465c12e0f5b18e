"""Sets of rows as arguments of one statement: a column is an array, `unnest` makes them rows again.

So a statement has the same text however many rows it takes, is prepared once, and is one round trip.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RowSet:
    """The columns of one set of rows, each with its Postgres type."""

    name: str
    columns: Mapping[str, str]

    def unnest(self, first: int) -> str:
        """The FROM item, whose arguments start at `$first`; `row` is the row's number, from 1."""
        arrays = ", ".join(f"${first + n}::{kind}[]" for n, kind in enumerate(self.columns.values()))
        return f"unnest({arrays}) WITH ORDINALITY AS {self.name}({', '.join(self.columns)}, row)"


def render(sql: str, rowsets: Iterable[RowSet]) -> str:
    """Put each row set's FROM item where the statement says `{its name}`."""
    items: dict[str, str] = {}
    first = 1
    for rowset in rowsets:
        items[rowset.name] = rowset.unnest(first)
        first += len(rowset.columns)
    return sql.format(**items)


def arrays(rowset: RowSet, rows: list[tuple[object, ...]]) -> list[list[object]]:
    """Turn rows into the row set's arguments: one list per column."""
    if not rows:
        return [[] for _ in rowset.columns]
    return [list(column) for column in zip(*rows, strict=True)]
