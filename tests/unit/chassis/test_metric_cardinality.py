"""Names that people register fill no registry, whatever is registered and whatever agents make up."""

import pytest
from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.cardinality import OTHER, Names, Series
from prometheus_client import CollectorRegistry

REGISTERED = {"workflow", "agent", "action", "tag", "pool", "code"}
"""Held to a number of names: people and agents make them up."""
FEW = {
    *("status", "trigger", "kind", "state", "outcome", "signal", "temperature"),  # closed sets of words
    *("class", "breaker", "stream", "folder", "service", "version"),  # parts of Airlock
    *("route", "method"),  # templates; what is none of ours is one word
}
"""Of these the code has a handful of values each."""


def test_a_label_shows_as_many_names_as_it_may_and_then_other() -> None:
    label = Names(most=2)
    assert [label.shown(name) for name in ("a", "b", "c", "a", "d")] == ["a", "b", OTHER, "a", OTHER]


def test_what_is_reserved_is_shown_also_when_others_have_filled_the_label() -> None:
    label = Names(reserved=["ours"], most=1)
    assert [label.shown(name) for name in ("made-up", "ours", "", "more")] == ["made-up", "ours", "", OTHER]


def test_a_metric_shows_as_many_combinations_as_it_may_and_then_others() -> None:
    registered = {"agent": Names(), "action": Names()}
    series = Series(["agent", "action", "status"], registered, most=2)
    shown = [
        series.shown({"agent": agent, "action": "go", "status": "FAILED"})["agent"]
        for agent in ("a", "b", "c", "a")
    ]
    assert shown == ["a", "b", OTHER, "a"]
    assert series.shown({"agent": "d", "action": "go", "status": "X"}) == {
        "agent": OTHER,
        "action": OTHER,
        "status": "X",
    }


def test_what_no_label_has_room_for_is_counted_together() -> None:
    registry = CollectorRegistry()
    counted = metrics.Counter("counted", "For this test", ["agent"], registry=registry)
    counted._series = Series(["agent"], {"agent": Names(most=3)})
    for number in range(10):
        counted.labels(agent=f"a{number}").inc()
        counted.labels(f"a{number}").inc()
    shown = {
        sample.labels["agent"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "counted_total"
    }
    assert shown == {"a0": 2, "a1": 2, "a2": 2, OTHER: 14}
    assert len(counted._found) == 3  # nor does it remember the others


def test_a_series_that_was_removed_begins_anew() -> None:
    registry = CollectorRegistry()
    shown = metrics.Gauge("shown", "For this test", ["pool"], registry=registry)
    shown.labels("p").set(7)
    shown.remove("p")
    assert registry.get_sample_value("shown", {"pool": "p"}) is None
    shown.labels("p").inc()
    assert registry.get_sample_value("shown", {"pool": "p"}) == 1


@pytest.mark.parametrize("wrong", [{"agent": "a"}, {"agent": "a", "kind": "b", "pool": "c"}, {}])
def test_labels_that_were_not_declared_are_refused(wrong: dict[str, str]) -> None:
    counted = metrics.Counter("refused", "For this test", ["agent", "kind"], registry=CollectorRegistry())
    with pytest.raises(ValueError, match=r"label|argument"):
        counted.labels(**wrong)


def test_every_label_is_held_to_a_number_or_has_few_values_so_none_is_an_id() -> None:
    declared = [value for value in vars(metrics).values() if isinstance(value, metrics._Bounded)]
    used = {label for metric in declared for label in metric._labels}
    assert used == REGISTERED | FEW


def test_every_declared_metric_holds_registered_names_to_their_number() -> None:
    declared = [value for value in vars(metrics).values() if hasattr(value, "_labelnames")]
    assert declared
    for metric in declared:
        assert isinstance(metric, metrics.Counter | metrics.Gauge | metrics.Histogram), metric
        assert set(metric._series._registered) == REGISTERED & set(metric._labelnames), metric
