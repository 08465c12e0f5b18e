"""Writes dashboards/*.json for Grafana and docs/reference/dashboards.md for people, from the same panels.

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
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "dashboards.md"
DASHBOARDS = (WORKFLOWS, AGENTS, APPROVALS, SYSTEM, COST)

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
    return drawn | {PAGE: "\n".join([HEAD, *(line for one in DASHBOARDS for line in _section(one))])}


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
