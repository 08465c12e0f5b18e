"""The page of telemetry names what the processes declare and say."""

import re
from collections.abc import Iterator

import pytest
from airlock_chassis.telemetry import cardinality, metrics, names
from airlock_orchestration.telemetry import facts
from prometheus_client import Counter, Gauge, Histogram
from telemetry_page import PAGE, documented_spans, rows

from .said_events import said_events, unnamed_events


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
    assert documented_spans().keys() == declared("SPAN_")


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


EVENTS = said_events()
TABLES = {
    "both": "Events of both processes",
    "orchestration": "Events of orchestration",
    "host": "Events of hosts",
}


def test_every_event_above_debug_has_one_row_and_every_row_is_said() -> None:
    written = [event for table in TABLES.values() for event, _ in events_written(table)]
    assert len(written) == len(set(written))
    assert {event for event, said in EVENTS.items() if said.is_loud} - set(written) == set()
    assert set(written) - EVENTS.keys() == set()


@pytest.mark.parametrize("by", TABLES)
def test_a_row_tells_how_loudly_and_by_whom(by: str) -> None:
    for event, levels in events_written(TABLES[by]):
        said = EVENTS[event]
        assert said.may_be_told_by(by), event
        assert levels == said.levels or (said.varies and levels > said.levels), event


def events_written(heading: str) -> Iterator[tuple[str, set[str]]]:
    """The events of a table with their levels: one each, or all of them for all."""
    for first, second, *_ in rows(heading, "###"):
        events, levels = re.findall(r"`([a-z_.]+)`", first), second.split(", ")
        one_each = len(levels) == len(events)
        for event, level in zip(events, levels if one_each else [""] * len(events), strict=True):
            yield event, {level} if one_each else set(levels)


def test_what_became_of_runs_is_told_by_these_events() -> None:
    paragraph = PAGE.partition("Events that tell what became of runs")[2].partition("\n\n")[0]
    told = {fact.value for fact in facts._TOLD} | {"attempt.finished"}
    assert set(re.findall(r"`([a-z]+\.[a-z]+)`", paragraph)) == told
    assert unnamed_events() == ["facts.py"]  # what it says is that paragraph
