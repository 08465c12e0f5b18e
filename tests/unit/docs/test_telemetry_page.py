"""The page of telemetry names what the processes declare and say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from airlock_chassis.telemetry import cardinality, metrics, names
from prometheus_client import Counter, Gauge, Histogram

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "telemetry.md").read_text(encoding="utf-8")
LEVELS = ("debug", "info", "warning", "error", "critical", "exception")


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the last table below a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_of_metrics_is_what_the_registry_declares() -> None:
    declared = {}
    for value in vars(metrics).values():
        if isinstance(value, Counter | Gauge | Histogram):
            shown = value._name + ("_total" if isinstance(value, Counter) else "")
            declared[shown] = (type(value).__name__.lower(), list(value._labelnames))
    written = {
        name.strip("`"): (kind, labels.split(", ") if labels else [])
        for name, kind, labels, *_ in rows("Metrics")
    }
    assert written == declared


def test_the_bounds_of_labels_are_those_that_the_guard_holds() -> None:
    said = " ".join(PAGE.partition("Of names that people register")[2].partition("\n\n")[0].split())
    assert set(re.findall(r"`(\w+)`", said)) == {*cardinality._REGISTERED, cardinality.OTHER}
    assert f"shows {cardinality.MOST_NAMES} of a label" in said
    assert f"{cardinality.MOST_SERIES:,} combinations of a metric" in said


def test_each_metric_says_what_it_means_and_who_counts_it() -> None:
    for name, _, _, means, by in rows("Metrics"):
        assert means, name
        assert re.search("orchestration|hosts|replica|both", by), name


def test_the_table_of_spans_names_each_span_there_is() -> None:
    assert {name.strip("`") for name, *_ in rows("Spans")} == declared("SPAN_")


def test_the_table_of_attributes_names_each_attribute_of_spans() -> None:
    written = [name for first, *_ in rows("Attributes of spans") for name in re.findall("`(.+?)`", first)]
    assert sorted(written) == sorted(declared("ATTR_"))


def declared(prefix: str) -> set[str]:
    """The names of a kind."""
    return {value for key, value in vars(names).items() if key.startswith(prefix)}


def test_every_field_of_log_lines_is_named() -> None:
    for key, value in vars(names).items():
        if key.startswith("LOG_"):
            assert f"`{value}`" in PAGE, value


def test_every_event_in_the_table_of_logs_is_said_somewhere() -> None:
    said = {event for folder in ("libs", "services") for event in events_said(ROOT / folder)}
    written = {event for first, *_ in rows("Logs") for event in re.findall(r"`([a-z_.]+)`", first)}
    assert written
    assert written <= said, written - said


def events_said(folder: Path) -> Iterator[str]:
    """The event names that the code below a folder logs, by calls such as `log.info("event.name", ...)`."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                said = node.args[1:2] if node.func.attr == "log" else node.args[:1]
                if node.func.attr in (*LEVELS, "log") and said and isinstance(said[0], ast.Constant):
                    yield str(said[0].value)
