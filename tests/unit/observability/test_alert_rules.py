"""Every alert says how bad it is, what is wrong, where to look, what to do; and is made of what there is."""

import re
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml
from alert_rules import PROMETHEUS, alerts, known, queries, read, rules
from promql_names import unknown
from shared_gauges import careless, shared_gauges

ROOT = Path(__file__).parents[3]
RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARDS = {f"airlock-{name}" for name in ("workflows", "agents", "approvals", "system", "cost")}
_TEMPLATE = re.compile(r"\{\{.*?\}\}")


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_tells_how_bad_it_is_what_is_wrong_where_to_look_and_what_to_do(name: str) -> None:
    alert = alerts()[name]
    assert re.fullmatch("Airlock[A-Z][A-Za-z]+", name)
    assert list(alert["labels"]) == ["severity"]
    assert alert["labels"]["severity"] in ("P0", "P1", "P2", "P3")
    texts = alert["annotations"]
    assert list(texts) == ["summary", "description", "dashboard_url", "runbook_url"]
    assert 20 < len(texts["summary"]) < 160
    assert 40 < len(texts["description"])
    base = "{{ $externalLabels.%s }}/"
    assert texts["dashboard_url"].startswith(base % "dashboards" + "d/")
    path = _TEMPLATE.sub(" ", texts["dashboard_url"].removeprefix(base % "dashboards" + "d/"))
    assert set(re.findall(r"airlock-[a-z]+", path)) <= DASHBOARDS
    assert re.search(r"airlock-[a-z]+", path)
    page, _, anchor = texts["runbook_url"].removeprefix(base % "runbooks").partition("#")
    assert anchor == name.lower()
    assert f"\n## {name}\n" in (RUNBOOKS / page).read_text(encoding="utf-8")


def test_the_list_of_runbooks_has_every_alert_with_its_level() -> None:
    rows = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\w+)\]\((\S+)\) \| (P\d) \|", rows, re.MULTILINE)
    there = [
        (name, alert["annotations"]["runbook_url"].rpartition("/")[2], alert["labels"]["severity"])
        for name, alert in alerts().items()
    ]
    assert listed == sorted(there, key=lambda alert: (alert[2], alert[0]))


def test_every_figure_of_an_alert_stands_in_what_people_read() -> None:
    """Where an alert's value says more than that it is so (absent, 0, a state), it is shown."""
    bare = {name for name, rule in alerts().items() if "$value" not in str(rule["annotations"])}
    assert bare == {
        *("AirlockServiceDown", "AirlockDatabaseLost", "AirlockNatsLost", "AirlockProcessDown"),
        *("AirlockProcessCutOff", "AirlockDockerLost", "AirlockNoHost"),
    }


@pytest.mark.parametrize("name", sorted(alerts()))
def test_a_test_makes_the_alert_fire_not_before_its_time_and_clear(name: str) -> None:
    tests = [test for file in sorted((PROMETHEUS / "tests").glob("*.yml")) for test in read(file)["tests"]]
    looks = [
        [
            bool(look.get("exp_alerts"))
            for look in test.get("alert_rule_test", ())
            if look["alertname"] == name
        ]
        for test in tests
    ]
    assert any(fires[0] is fires[-1] is False and any(fires) for fires in looks if fires)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_only_for_metrics_and_labels_that_are_declared(rule: dict[str, Any]) -> None:
    assert [found for query in queries(rule) for found in unknown(query, known())] == []


def test_a_metric_or_a_label_that_nobody_declares_is_found() -> None:
    there = {"runs_total": {"workflow", "status"}, "up": set()}
    assert unknown('sum by (workflow) (rate(runs_total{status=~"A|B"}[5m])) > 0', there) == []
    assert unknown('up{job="x"} == 0 and on (job) runs_total offset 1h', there) == []
    assert unknown("sum by (agent) (walks_total)", there) == ["no metric walks_total", *_NO_AGENT]
    assert unknown('runs_total{agent="walks_total{x=1}"}', there) == ["runs_total has no label agent"]
    assert unknown("sum by (agent) (runs_total) / 14.4e3", there) == _NO_AGENT


_NO_AGENT = ["nothing here has the label agent"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_looks_back_over_all_replicas_and_not_from_one_that_started_since(
    rule: dict[str, Any],
) -> None:
    assert [found for query in queries(rule) for found in careless(query, shared_gauges())] == []


def test_a_look_back_that_a_new_replica_would_spoil_is_found() -> None:
    assert {"hosts", "dead_letters_waiting", "queue_depth", "approvals_pending"} <= shared_gauges()
    assert "event_loop_lag_seconds" not in shared_gauges()
    gauges = {"hosts"}
    assert list(careless('x - min by (pool) (min_over_time(hosts{status="gone"}[30m])) > 0', gauges)) == []
    assert list(careless("min(min_over_time(hosts[6h])) + max(max_over_time(hosts[6h]))", gauges)) == []
    assert list(careless("max by (pool) (max_over_time(others[6h]))", gauges)) == []
    spoilt = "max by (pool) (hosts) - max by (pool) (min_over_time(hosts[30m]))"
    assert list(careless(spoilt, gauges)) == ["min_over_time(hosts) is taken by max"]
    assert list(careless("hosts - min_over_time(hosts[30m])", gauges)) == [
        "min_over_time(hosts) is taken by nothing"
    ]
    assert list(careless("sum(avg_over_time(hosts[1h]))", gauges)) == ["avg_over_time(hosts) is taken by sum"]


def test_alertmanager_speaks_of_alerts_that_there_are() -> None:
    file = read(ROOT / "observability" / "alertmanager" / "alertmanager.yml")
    spoken = set(re.findall(r"Airlock[A-Za-z]+", str(file["inhibit_rules"]) + str(file["route"])))
    assert spoken <= set(alerts())
    severities = set(re.findall(r'severity = "(P\d)"', str(file["route"])))
    assert severities == {"P0", "P1", "P3"}  # P2 is what the route does where nothing else is said


def test_the_local_prometheus_differs_in_addresses_and_haste_alone() -> None:
    filled = Template((PROMETHEUS / "prometheus.local.yml").read_text(encoding="utf-8")).substitute(
        rules="rules", alertmanager="a:1", orchestration="o:1", agent_host="h:1", prometheus="p:1"
    )
    local, composed = yaml.safe_load(filled), read(PROMETHEUS / "prometheus.yml")
    for file in (local, composed):
        for haste in ("scrape_interval", "scrape_timeout", "evaluation_interval"):
            del file["global"][haste]
        for job in [*file["scrape_configs"], *file["alerting"]["alertmanagers"]]:
            for addresses in ("static_configs", "dns_sd_configs"):
                job.pop(addresses, None)
    assert local == composed


def test_every_replica_is_found_by_dns_under_its_name_in_compose() -> None:
    jobs = {job["job_name"]: job for job in read(PROMETHEUS / "prometheus.yml")["scrape_configs"]}
    for name, port in (("orchestration", 9002), ("agent-host", 9003)):
        found = jobs[name]["dns_sd_configs"]
        assert [(one["names"], one["type"], one["port"]) for one in found] == [([name], "A", port)]
