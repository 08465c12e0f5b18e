"""Who counts a metric, as the page of telemetry says, is whose code counts it."""

from __future__ import annotations

import ast

import pytest
from airlock_chassis.telemetry import metrics
from prometheus_client import Counter, Gauge, Histogram
from telemetry_page import metrics_of

from .said_events import PROCESSES

DECLARED = {
    value._name + ("_total" if isinstance(value, Counter) else ""): variable
    for variable, value in vars(metrics).items()
    if isinstance(value, Counter | Gauge | Histogram)
}


@pytest.fixture(scope="module")
def counting() -> dict[str, set[str]]:
    """The processes whose code speaks of a metric, by its variable; the chassis is both's."""
    found: dict[str, set[str]] = {variable: set() for variable in DECLARED.values()}
    for process, folder in PROCESSES.items():
        for path in folder.rglob("*.py"):
            if path.name == "metrics.py":
                continue  # where they are declared
            for name in used(ast.parse(path.read_text(encoding="utf-8"))) & found.keys():
                found[name].add(process)
    return found


def used(module: ast.Module) -> set[str]:
    """What a module takes from `metrics`, by `metrics.name` or by importing it."""
    names = set()
    for node in ast.walk(module):
        match node:
            case ast.Attribute(ast.Name("metrics"), name):
                names.add(name)
            case ast.ImportFrom(module=str(whence), names=several) if whence.endswith("metrics"):
                names |= {one.name for one in several}
    return names


def test_each_metric_is_counted_by_whom_the_page_says(counting: dict[str, set[str]]) -> None:
    for name, variable in DECLARED.items():
        said = {process for process in ("orchestration", "host") if name in metrics_of(process)}
        by = counting[variable]
        assert said == ({"orchestration", "host"} if len(by) > 1 or "both" in by else by), name
