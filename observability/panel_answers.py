"""What a panel of a dashboard would show, asked of a Prometheus and written as lines."""

import json
from pathlib import Path

from watching_servers import Prometheus

DASHBOARDS = Path(__file__).parent / "grafana" / "dashboards"
FILLED = {
    "$__rate_interval": "1m",
    "$__range_s": "600",  # before the next one, which is how it begins
    "$__range": "10m",
    "$workflow": ".*",
    "$agent": ".*",
    "$pool": ".*",
    "$tag": ".*",
}
MOST_LINES = 8

ANSWERS = (
    ("How many approvals wait?", "airlock-approvals", "Approvals that wait", ""),
    ("Since when, in seconds, does the oldest?", "airlock-approvals", "The oldest has waited", ""),
    (
        "How long do agents take this week, in seconds?",
        "airlock-agents",
        "Which agent got slower this week",
        "agent",
    ),
    ("Of what do agents fail?", "airlock-agents", "Failures by code", "code"),
    ("What did workflows cost, in container seconds?", "airlock-cost", "What each workflow cost", "workflow"),
)
"""Questions, each with the panel that answers it and the label that names its rows."""


async def answer(prometheus: Prometheus, uid: str, title: str, label: str) -> list[str]:
    """The rows of a panel's first query, largest first."""
    found = await prometheus.query(first_query(uid, title))
    rows = sorted(((float(one["value"][1]), one["metric"].get(label, "")) for one in found), reverse=True)
    return [f"{value:10.1f}  {name}".rstrip() for value, name in rows[:MOST_LINES]] or ["nothing"]


def first_query(uid: str, title: str) -> str:
    """What a panel asks first, with all choices at everything. Raises StopIteration for no such panel."""
    dashboard = json.loads((DASHBOARDS / f"{uid}.json").read_text("utf-8"))
    panel = next(one for one in dashboard["panels"] if one["title"] == title)
    asked: str = panel["targets"][0]["expr"]
    for name, value in FILLED.items():
        asked = asked.replace(name, value)
    return asked
