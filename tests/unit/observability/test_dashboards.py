"""Dashboards are written from their panels; each panel says what it answers and asks for what there is."""

import itertools
import json
import re
from typing import Any

import pytest
import yaml
from airlock_chassis.telemetry import names
from alert_rules import known
from dashboard_files import SOURCES, Asked, asked, chosen, dashboards, fill, panels
from promql_names import unknown
from query_languages import BadQuery, read_logql, read_traceql
from shared_gauges import careless, shared_gauges
from write_dashboards import written

UIDS = {f"airlock-{name}" for name in ("workflows", "agents", "approvals", "system", "cost")}
KNOWN = known()
UNITS = {"none", "short", "s", "bytes", "percentunit", "cpm"}
LABELS = {value.replace(".", "_") for name, value in vars(names).items() if name.startswith("LOG_")} | {
    # Fields of lines about runs, and of agents' own; Loki's name of `service.name`.
    *("service_name", "workflow", "status", "code", "by", "approval", "stream"),
}
ATTRIBUTES = {value for name, value in vars(names).items() if name.startswith("ATTR_")}


def where(one: Asked) -> str:
    return one.where


def of(source: str) -> list[Asked]:
    return [one for one in asked() if one.source == source]


def test_the_files_are_what_the_panels_give() -> None:
    for path, text in written().items():
        assert path.read_text(encoding="utf-8") == text, (
            "run `python observability/grafana/write_dashboards.py` from the root of the repository"
        )
    assert set(dashboards()) == UIDS


@pytest.mark.parametrize(("place", "panel"), list(panels()), ids=[place for place, _ in panels()])
def test_a_panel_says_what_it_answers_in_which_unit_and_what_is_bad(
    place: str, panel: dict[str, Any]
) -> None:
    assert len(panel["title"]) < 60
    assert re.match(r"[A-Z].*\?", panel["description"]), "it opens with the question that it answers"
    assert panel["description"].endswith((".", "?", "now", "list", "RUN"))
    assert panel["targets"]
    if panel["datasource"]["type"] != "prometheus":
        return
    assert all(target["legendFormat"] for target in panel["targets"])
    fields = panel["fieldConfig"]["defaults"]
    assert fields["unit"] in UNITS
    values = [step["value"] for step in fields["thresholds"]["steps"]]
    assert values[0] is None
    assert values[1:] == sorted(values[1:])


@pytest.mark.parametrize("uid", sorted(UIDS))
def test_a_dashboard_has_no_empty_values_and_panels_that_fit_beside_each_other(uid: str) -> None:
    dashboard = dashboards()[uid]
    assert "id" not in dashboard  # Grafana's own number for it
    text = json.dumps(dashboard)
    assert text.count("null") == text.count('{"value": null, "color"')  # where a threshold begins
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert ids == list(range(1, len(ids) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = set(
            itertools.product(
                range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
            )
        )
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("one", of("prometheus"), ids=where)
def test_a_panel_asks_only_for_metrics_and_labels_that_are_declared(one: Asked) -> None:
    there = {**KNOWN, "ALERTS": frozenset({"alertname", "alertstate", "severity"})}
    assert unknown(one.text, there) == []
    assert "$" not in one.text


@pytest.mark.parametrize("one", of("prometheus"), ids=where)
def test_a_panel_looks_back_over_all_replicas_and_not_from_one_that_started_since(one: Asked) -> None:
    assert list(careless(one.text, shared_gauges())) == []


def test_the_choices_are_labels_of_metrics_that_there_are() -> None:
    for place, series, label in chosen():
        assert unknown(f"sum by ({label}) ({series})", KNOWN) == [], place


@pytest.mark.parametrize("one", of("loki"), ids=where)
def test_what_is_asked_of_loki_is_logql_about_fields_of_our_lines(one: Asked) -> None:
    assert read_logql(one.text).names <= LABELS


@pytest.mark.parametrize("one", of("tempo"), ids=where)
def test_what_is_asked_of_tempo_is_traceql_about_attributes_of_our_spans(one: Asked) -> None:
    fields = read_traceql(one.text).names - {"name", "status"}
    assert {field.removeprefix("span.") for field in fields} <= ATTRIBUTES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{a="b"',
        '{a="b"} |= b',
        '{a="b"} | json x',
        '{a=~"["}',
        '{a="b"} | line_format "{{.c | d}}"',
        '{a="b", }',
        'rate({a="b"}[5m])',
    ],
)
def test_what_is_no_logql_of_ours_is_refused(text: str) -> None:
    with pytest.raises(BadQuery):
        read_logql(text)


@pytest.mark.parametrize(
    "text", ["", "{", '{ nme = "a" }', '{ status = "error" }', "{ name = a }", "{} | count()"]
)
def test_what_is_no_traceql_of_ours_is_refused(text: str) -> None:
    with pytest.raises(BadQuery):
        read_traceql(text)


def test_queries_find_what_they_should_and_nothing_else() -> None:
    query = read_logql('{s=~"a|b"} |= "x" !~ "y$" | run = "1" | node != "n" | line_format "{{.run}}"')
    assert query.finds("an x", {"s": "a", "run": "1"})
    for line, labels in [
        ("an x", {"s": "ab", "run": "1"}),
        ("an o", {"s": "a", "run": "1"}),
        ("x and y", {"s": "a", "run": "1"}),
        ("an x", {"s": "a", "run": "12"}),
        ("an x", {"s": "a", "run": "1", "node": "n"}),
    ]:
        assert not query.finds(line, labels)
    assert query.show("an x", {"s": "a", "run": "1"}) == "1"
    assert read_logql('{s="a"}').show("an x", {}) == "an x"
    assert read_logql('{s="a"} | line_format "{{.no}}: {{ __line__ }}!"').show("an x", {}) == ": an x!"
    spans = read_traceql('{ span.a.b = "c && d" && status = error && name =~ "n.*" }')
    assert spans.finds({"span.a.b": "c && d", "status": "error", "name": "node"})
    assert not spans.finds({"span.a.b": "c && d", "status": "unset", "name": "node"})
    assert not spans.finds({"status": "error", "name": "node"})


def test_links_lead_to_dashboards_and_choices_that_there_are() -> None:
    found = set()
    for place, panel in panels():
        for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", []):
            assert len(link["title"]) > 4
            if link["url"].startswith("/explore?"):
                continue
            uid, _, query = link["url"].removeprefix("/d/").partition("?")
            there = {one["name"] for one in dashboards()[uid]["templating"]["list"]}
            assert set(re.findall(r"var-(\w+)=", query)) <= there, place
            found.add(uid)
    assert found == UIDS


def test_data_sources_lead_from_a_line_to_its_trace_and_run_and_from_a_span_to_lines_and_figures() -> None:
    sources = {one["uid"]: one for one in yaml.safe_load(SOURCES.read_text("utf-8"))["datasources"]}
    assert {uid: one["type"] for uid, one in sources.items()} == {
        name: name for name in ("prometheus", "loki", "tempo", "alertmanager")
    }
    used = {one["datasource"]["uid"] for _, panel in panels() for one in panel["targets"]}
    assert used <= set(sources)

    trace, run = sources["loki"]["jsonData"]["derivedFields"]
    assert trace["matcherType"] == run["matcherType"] == "label"
    assert (trace["matcherRegex"], trace["datasourceUid"]) == (f"^{names.LOG_TRACE}$$", "tempo")
    assert run["matcherRegex"] == f"^{names.LOG_RUN}$$"
    uid, _, variable = run["url"].removeprefix("/d/").partition("?var-")
    assert variable.partition("=")[0] in {one["name"] for one in dashboards()[uid]["templating"]["list"]}

    lines = sources["tempo"]["jsonData"]["tracesToLogsV2"]
    assert lines["datasourceUid"] == "loki"
    assert read_logql(lines["query"].replace("$$", "$")).names <= LABELS
    figures = sources["tempo"]["jsonData"]["tracesToMetrics"]
    tags = {one["key"]: one["value"] for one in figures["tags"]}
    assert set(tags) <= ATTRIBUTES
    for query in figures["queries"]:
        text = query["query"].replace("$$__tags", ",".join(f'{label}="x"' for label in tags.values()))
        assert unknown(fill(text), KNOWN) == []


def test_what_grafana_fills_in_itself_is_not_taken_for_a_variable_of_the_environment() -> None:
    lines = SOURCES.read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    assert re.findall(r"(?<!\$)\$(?!\$)", text) == []
