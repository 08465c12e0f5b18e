"""What a dashboard is made of: panels as data. Each says which question it answers, and how to read the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
LOKI = {"type": "loki", "uid": "loki"}
TEMPO = {"type": "tempo", "uid": "tempo"}
"""Data sources, under the names that provisioning/datasources gives them."""

GOOD, WARN, BAD = "green", "orange", "red"
Steps = tuple[tuple[float | None, str], ...]
PLAIN: Steps = ((None, GOOD),)
"""Nothing of it is good or bad by itself."""
YES_NO = {"0": (BAD, "no"), "1": (GOOD, "yes")}


def above(warn: float, bad: float) -> Steps:
    """More is worse."""
    return ((None, GOOD), (warn, WARN), (bad, BAD))


def below(warn: float, bad: float) -> Steps:
    """Less is worse."""
    return ((None, BAD), (bad, WARN), (warn, GOOD))


@dataclass(frozen=True, slots=True)
class Query:
    """What a panel asks Prometheus. `legend` is a series' name, and in a table the column's."""

    expr: str
    legend: str
    unit: str | None = None
    """Of this column, where it is not the panel's."""
    steps: Steps | None = None
    """Colours of this column."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a value leads. Grafana fills in what stands in `${...}`."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `answers` is the question and how to read the answer."""

    title: str
    answers: str
    width: int
    height: int = 8
    unit: str = "short"
    steps: Steps = PLAIN
    links: tuple[Link, ...] = ()
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Figures(Panel):
    """The last value of each series, large."""

    queries: tuple[Query, ...] = ()
    words: Mapping[str, tuple[str, str]] | None = None
    """A value's colour and word."""


@dataclass(frozen=True, slots=True)
class Lines(Panel):
    """Series over time; where more or less is bad, a dashed line stands there."""

    queries: tuple[Query, ...] = ()
    stacked: bool = False
    words: Mapping[str, tuple[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Table(Panel):
    """One row for each set of labels, one column for each query. `sort` names the column that sorts it."""

    queries: tuple[Query, ...] = ()
    sort: str = ""


@dataclass(frozen=True, slots=True)
class LogLines(Panel):
    """Lines of Loki."""

    logql: str = ""


@dataclass(frozen=True, slots=True)
class Traces(Panel):
    """What Tempo finds: each leads to its trace."""

    traceql: str = ""
    of: str = "traces"
    """A row is one of: traces, spans."""


@dataclass(frozen=True, slots=True)
class Row:
    """A heading, and the panels below it."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable with the values of a label; nothing chosen is all of them."""

    name: str
    metric: str
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class TextBox:
    """A variable that somebody types."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A whole dashboard."""

    uid: str
    title: str
    answers: str
    rows: tuple[Row, ...]
    variables: tuple[Choice | TextBox, ...] = ()
    since: str = "now-6h"
    until: str = "now"
    refresh: str = "30s"

    def panels(self) -> Iterator[Panel]:
        """All panels, in order."""
        for row in self.rows:
            yield from row.panels


def budget_left(objectives: str, question: str, *, width: int, height: int = 8) -> Figures:
    """How much of an objective's error budget is left: the same figure on each dashboard that has an objective."""
    return Figures(
        "Error budget left",
        f"{question} 1: nothing is spent, below 0: the objective is missed.",
        width=width,
        height=height,
        unit="percentunit",
        steps=below(0.5, 0),
        queries=(
            Query(f'airlock:objective_budget_left:ratio{{objective=~"{objectives}"}}', "{{objective}}"),
        ),
    )


def dashboard_link(title: str, uid: str, **variables: str) -> Link:
    """To another dashboard, at the same time; a variable's value may be `${__field.labels.agent}`."""
    chosen = "".join(f"var-{name}={value}&" for name, value in variables.items())
    return Link(title, f"/d/{uid}?{chosen}${{__url_time_range}}")


def lines_link(title: str, logql: str) -> Link:
    """To the lines of a query in Explore, at the same time."""
    pane = {
        "datasource": LOKI["uid"],
        "queries": [{"refId": "A", "datasource": LOKI, "expr": logql}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    panes = quote(json.dumps({"lines": pane}, separators=(",", ":")), safe="${}_.")
    return Link(title, f"/explore?schemaVersion=1&panes={panes}")
