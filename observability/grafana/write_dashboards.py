"""Writes dashboards/*.json for Grafana, and for people docs/reference/dashboards.md and the tables of
docs/observability.md, from the same panels.

Run it from the root of the repository after a change here: `python observability/grafana/write_dashboards.py`.
A test compares the files with what this writes.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent_performance import AGENTS
from approvals_waiting import APPROVALS
from cost_shown import COST
from drawing import document
from panels import Dashboard, Figures, Lines, LogLines, Panel, Table, Traces
from system_health import SYSTEM
from workflow_overview import WORKFLOWS

FOLDER = Path(__file__).with_name("dashboards")
DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reference" / "dashboards.md"
OVERVIEW = DOCS / "observability.md"
DASHBOARDS = (WORKFLOWS, AGENTS, APPROVALS, SYSTEM, COST)
BEGIN = "<!-- Panels: written by observability/grafana/write_dashboards.py. -->"
END = "<!-- Panels end. -->"

HEAD = """\
# Dashboards

Written by `observability/grafana/write_dashboards.py` from the panels themselves; a test compares. How to get from one to the
next, and four questions answered step by step: [observability.md](../observability.md).

What is asked of Prometheus stands below each panel, as Grafana gets it: `$workflow` and the like are the choices at the top,
`$__range` is the time shown (`$__range_s` in seconds), `$__rate_interval` four scrapes or more. Names of metrics: [telemetry.md](telemetry.md).
"""


def written() -> Mapping[Path, str]:
    """Every file, with its text."""
    drawn = {
        FOLDER / f"{one.uid}.json": json.dumps(document(one), indent=1, ensure_ascii=False) + "\n"
        for one in DASHBOARDS
    }
    sections = "\n".join([HEAD, *(line for one in DASHBOARDS for line in _section(one))])
    return drawn | {PAGE: sections, OVERVIEW: _overview(OVERVIEW.read_text(encoding="utf-8"))}


def _overview(page: str) -> str:
    """The page with its tables of panels written anew; what stands around them is people's."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    tables = "\n".join(line for one in DASHBOARDS for line in _table(one))
    return f"{before}{BEGIN}\n\n{tables}\n{END}{after}"


def _table(dashboard: Dashboard) -> Iterator[str]:
    yield from (f"### {dashboard.title}", "", "| panel | answers |", "|---|---|")
    for row in dashboard.rows:
        yield from (f"| {panel.title} | {_question(panel)} |" for panel in row.panels)
    yield ""


def _question(panel: Panel) -> str:
    """How every panel's text opens; what follows is how to read the answer."""
    question, mark, _ = panel.answers.partition("?")
    return f"{question}{mark}"


def _section(dashboard: Dashboard) -> Iterator[str]:
    yield from (f"## {dashboard.title}", "", f"`/d/{dashboard.uid}`. {dashboard.answers}", "")
    for row in dashboard.rows:
        yield from (f"### {row.title}", "")
        for panel in row.panels:
            yield f"- **{panel.title}.** {panel.answers}"
            yield from (f"  - `{asked}`" for asked in _asked(panel))
        yield ""


def _asked(panel: Panel) -> Iterator[str]:
    match panel:
        case Figures(queries=queries) | Lines(queries=queries) | Table(queries=queries):
            yield from (query.expr for query in queries)
        case LogLines(logql=asked) | Traces(traceql=asked):
            yield asked


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
