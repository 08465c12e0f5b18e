"""Grafana cannot run here: each key of each dashboard is one that it knows, with a value that it takes."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from dashboard_files import dashboards
from known_panels import PANELS, TARGETS, VARIABLES, unknown_in

UIDS = sorted(dashboards())
FREE = {"excludeByName", "renameByName"}
"""Whose keys are columns. Of words that stand for values, the values are the keys."""


@pytest.mark.parametrize("uid", UIDS)
def test_every_key_of_a_dashboard_is_known_and_its_value_is_allowed(uid: str) -> None:
    assert unknown_in(dashboards()[uid]) == []


def test_there_is_a_table_for_what_is_used_and_no_other() -> None:
    every = [panel for one in dashboards().values() for panel in one["panels"] if panel["type"] != "row"]
    assert {f"{panel['type']} {panel['datasource']['uid']}" for panel in every} == set(PANELS)
    assert {target["datasource"]["uid"] for panel in every for target in panel["targets"]} == set(TARGETS)
    variables = [each["type"] for one in dashboards().values() for each in one["templating"]["list"]]
    assert set(variables) == set(VARIABLES)


@pytest.mark.parametrize("uid", UIDS)
def test_a_misspelt_key_is_found_wherever_it_stands(uid: str) -> None:
    """Each one of the first panel of each kind, and of what is around panels."""
    small = _first_of_each_kind(dashboards()[uid])
    assert unknown_in(small) == []
    paths = list(_keys(small, ()))
    assert len(paths) > 100
    passed = []
    for path in paths:
        broken = copy.deepcopy(small)
        inside: Any = broken
        for step in path[:-1]:
            inside = inside[step]
        inside[f"{path[-1]}X"] = inside[path[-1]]
        if unknown_in(broken) == []:
            passed.append(path)
    assert passed == []


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("stat", ("options", "colorMode"), "valeu"),
        ("stat", ("options", "reduceOptions", "calcs"), ["lastNonNull"]),
        ("stat", ("fieldConfig", "defaults", "thresholds", "steps"), [{"value": "0", "color": "green"}]),
        ("stat", ("fieldConfig", "defaults", "thresholds", "steps"), [{"value": 0, "color": "gren"}]),
        ("timeseries", ("options", "legend", "displayMode"), "tabel"),
        ("timeseries", ("options", "legend", "showLegend"), "true"),
        ("timeseries", ("fieldConfig", "defaults", "custom", "stacking", "mode"), True),
        ("table", ("transformations",), [{"id": "organise", "options": {}}]),
        ("table", ("fieldConfig", "overrides"), [{"matcher": {"id": "byname"}, "properties": []}]),
        ("logs", ("options", "sortOrder"), "ascending"),
        ("logs", ("targets", 0, "queryType"), "rnge"),
        ("timeseries", ("targets", 0, "instant"), 0),
        ("table", ("targets", 0, "format"), "Table"),
        ("row", ("collapsed",), "no"),
        ("stat", ("type",), "singlestat"),
    ],
)
def test_a_value_that_grafana_would_not_take_is_found(
    kind: str, path: tuple[Any, ...], value: object
) -> None:
    broken = copy.deepcopy(dashboards()["airlock-workflows"])
    inside: Any = next(panel for panel in broken["panels"] if panel["type"] == kind)
    for step in path[:-1]:
        inside = inside[step]
    assert path[-1] in inside or isinstance(inside, list)
    inside[path[-1]] = value
    assert unknown_in(broken) != []


@pytest.mark.parametrize(
    ("property_id", "value"),
    [("unt", "s"), ("unit", 1), ("custom.cellOptions", {"type": "color_text"}), ("color", {"mod": "fixed"})],
)
def test_an_override_of_what_there_is_not_is_found(property_id: str, value: object) -> None:
    broken = copy.deepcopy(dashboards()["airlock-workflows"])
    overrides = [
        one for panel in broken["panels"] for one in panel.get("fieldConfig", {}).get("overrides", [])
    ]
    overrides[0]["properties"][0] = {"id": property_id, "value": value}
    assert unknown_in(broken) != []


def test_a_link_to_explore_that_it_would_pass_over_is_found() -> None:
    text = json.dumps(dashboards()["airlock-system"])
    for right, wrong in (
        ("%22range%22", "%22rnge%22"),
        ("%22datasource%22%3A%22loki%22", "%22datasource%22%3A1"),
    ):
        assert right in text
        assert unknown_in(json.loads(text.replace(right, wrong))) != []


def _first_of_each_kind(dashboard: dict[str, Any]) -> dict[str, Any]:
    kept: dict[tuple[str, bool], dict[str, Any]] = {}
    for panel in dashboard["panels"]:
        has_overrides = bool(panel.get("fieldConfig", {}).get("overrides"))
        kept.setdefault((panel["type"] + str(panel.get("datasource")), has_overrides), panel)
    return dashboard | {"panels": list(kept.values())}


def _keys(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        free = path[-1:] and (path[-1] in FREE or (path[-1] == "options" and "mappings" in path))
        for key, inner in value.items():
            if not free:
                yield (*path, key)
            yield from _keys(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _keys(inner, (*path, index))
