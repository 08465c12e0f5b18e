"""The dashboards as they are committed, and what their panels ask, with the choices at the top filled in."""

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).parents[3] / "observability" / "grafana"
SOURCES = GRAFANA / "provisioning" / "datasources" / "airlock.yaml"
RUN = "018f4a4e-0000-7000-8000-000000000001"
CHOICES = {"$__rate_interval": "1m", "$__range": "5m", "$__range_s": "300", "$run": RUN}
"""What Grafana fills in. Longer names first; every other choice is all there is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of one panel."""

    where: str
    """Dashboard and panel, for whoever reads a failure."""
    source: str
    """prometheus, loki or tempo."""
    text: str


@functools.cache
def dashboards() -> dict[str, dict[str, Any]]:
    """Every dashboard by its uid."""
    read = [json.loads(path.read_text("utf-8")) for path in sorted((GRAFANA / "dashboards").glob("*.json"))]
    return {one["uid"]: one for one in read}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every panel that shows something, with where it stands."""
    for uid, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            if panel["type"] != "row":
                yield f"{uid}: {panel['title']}", panel


def asked(choices: Mapping[str, str] = CHOICES) -> list[Asked]:
    """What all panels ask, filled in."""
    return [
        Asked(where, target["datasource"]["uid"], fill(target.get("expr", target.get("query", "")), choices))
        for where, panel in panels()
        for target in panel["targets"]
    ]


def chosen() -> Iterator[tuple[str, str, str]]:
    """Of each choice with values: where it stands, the series and the label that it takes them from."""
    for uid, dashboard in dashboards().items():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                inside = variable["definition"].removeprefix("label_values(").removesuffix(")")
                series, _, label = inside.rpartition(", ")
                yield f"{uid}: ${variable['name']}", series, label


def fill(text: str, choices: Mapping[str, str] = CHOICES) -> str:
    """What Grafana makes of a query: given choices, and all there is for the others."""
    names = {f"${one['name']}": ".*" for uid in dashboards() for one in _variables(uid)}
    for name, value in sorted({**names, **choices}.items(), key=lambda item: -len(item[0])):
        text = text.replace(name, value)
    return text


def _variables(uid: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dashboards()[uid]["templating"]["list"]
    return found
