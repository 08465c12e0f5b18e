"""Alerts as they are posted become a context that the shipped workflow takes, however odd they are."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from airlock_contracts import strict_json
from airlock_contracts.artifacts import find_artifacts
from airlock_orchestration.engine.schemas import Validator, resolve_artifacts
from airlock_orchestration.engine.templates import Template
from airlock_orchestration.operations.alerts import (
    MAX_ALERTS_BYTES,
    AlertmanagerNotification,
    GrafanaNotification,
    identity,
    to_context,
)
from airlock_orchestration.operations.contexts import MAX_CONTEXT_BYTES
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[3]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "alert-notification.yaml").read_text())
NOTIFIER = ROOT / "services" / "agents" / "airlock_agents" / "builtin" / "notifier" / "agent.yaml"
NOTIFY = yaml.safe_load(NOTIFIER.read_text())["actions"]["notify"]
CONTEXTS = Validator(resolve_artifacts(WORKFLOW["input_schema"]))
INPUTS = Validator(resolve_artifacts(NOTIFY["input_schema"]))
ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "QueueOld", "severity": "P1"},
    "annotations": {"summary": "work waits"},
    "startsAt": "2026-11-21T09:00:00.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example.com/graph",
    "fingerprint": "c9ab3a8e0e8b8a2b",
}
WHOLE: dict[str, Any] = {
    "version": "4",
    "groupKey": "{}:{}",
    "status": "firing",
    "receiver": "airlock",
    "alerts": [ALERT],
}

# What strict JSON lets through, beside all that people and their templates write.
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
long = st.one_of(text, st.sampled_from(["x" * 5000, "\u20ac" * 3000, "\x07" * 2000, "http://a b", "{{ 1 }}"]))
texts = st.none() | st.dictionaries(text, long, max_size=40)
statuses = st.sampled_from(["firing", "resolved"])
times = st.sampled_from(
    [
        *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026-11-21T09:00:00.123456789Z"),
        *("2026-11-21T23:59:59-11:00", "9999-12-29T00:00:00-23:00", "1970-01-01T00:00:00Z"),
    ]
)
urls = st.none() | st.sampled_from(
    ["", "https://example.com/x", "ftp://x", "https://\u20ac", "http://" + "y" * 3000]
)
named = st.fixed_dictionaries(
    {"alertname": long, "severity": st.sampled_from(["P0", "page", "", "loud", " Info "])}
)
alerts = st.fixed_dictionaries(
    {"status": statuses, "labels": named | st.dictionaries(text, long, max_size=40), "startsAt": times},
    optional={
        "annotations": texts
        | st.fixed_dictionaries({"summary": long, "description": long, "runbook_url": urls.map(str)}),
        "endsAt": times,
        "generatorURL": urls,
        "fingerprint": text,
        "dashboardURL": urls,
        "silenceURL": urls,
        "panelURL": urls,
        "values": st.none(),
    },
)
posted = st.fixed_dictionaries(
    {
        "groupKey": text.filter(bool),
        "status": statuses,
        "receiver": long,
        "alerts": st.lists(alerts, min_size=1, max_size=60),
    },
    optional={
        "truncatedAlerts": st.integers(0, 10**9),
        "commonLabels": texts,
        "groupLabels": texts,
        "externalURL": urls,
        "title": st.none() | long,
        "message": st.none() | long,
    },
)


@settings(max_examples=150)
@given(posted, st.sampled_from([(AlertmanagerNotification, "4"), (GrafanaNotification, "1")]))
def test_whatever_is_posted_becomes_a_context_and_an_input_that_their_schemas_take(
    body: dict[str, Any], kind: tuple[type[Any], str]
) -> None:
    model, version = kind
    data = to_context(model.model_validate_json(json.dumps(body | {"version": version})))
    assert len(data) <= MAX_CONTEXT_BYTES
    context: Any = strict_json.parse(data)
    assert CONTEXTS.problems(context) == []
    assert context["firing"] + context["resolved"] == len(body["alerts"])
    hidden = context["left_out"] - body.get("truncatedAlerts", 0)
    assert len(context["alerts"]) + hidden == len(body["alerts"])
    assert len(json.dumps(context["alerts"], ensure_ascii=False).encode()) <= MAX_ALERTS_BYTES + 200
    told = Template(WORKFLOW["nodes"][0]["inputs"]).render({"context": context})
    assert INPUTS.problems(told) == []


def of(**changes: Any) -> AlertmanagerNotification:
    """The notification, with another first alert."""
    other = copy.deepcopy(WHOLE)
    other["alerts"][0] |= changes
    return AlertmanagerNotification.model_validate_json(json.dumps(other))


@pytest.mark.parametrize(
    ("label", "severity"),
    [
        *(("P0", "CRITICAL"), ("critical", "CRITICAL"), ("P1", "HIGH"), ("warning", "MEDIUM"), ("P3", "LOW")),
        *((" INFO ", "INFO"), ("", "MEDIUM"), ("sev-of-their-own", "MEDIUM")),
    ],
)
def test_an_alert_is_as_loud_as_its_label_says(label: str, severity: str) -> None:
    labels = {"alertname": "x", "severity": label}
    assert json.loads(to_context(of(labels=labels)))["severity"] == severity
    resolved = json.loads(to_context(of(labels=labels, status="resolved")))
    assert resolved["severity"] == "INFO"


def test_the_order_of_alerts_and_what_is_said_of_them_make_no_other_notification() -> None:
    two = WHOLE | {"alerts": [ALERT, ALERT | {"fingerprint": "f"}]}
    turned = WHOLE | {"alerts": [ALERT | {"fingerprint": "f", "annotations": {}}, ALERT], "receiver": "twin"}
    same = [identity(AlertmanagerNotification.model_validate_json(json.dumps(one))) for one in (two, turned)]
    assert same[0] == same[1]
    assert identity(of()) != same[0]


def test_what_has_no_fingerprint_is_known_by_its_labels() -> None:
    one, other = (of(fingerprint="", labels={"alertname": name}) for name in ("a", "b"))
    assert identity(one) != identity(other)
    assert identity(one) == identity(of(fingerprint="", labels={"alertname": "a"}))


def test_a_link_leads_to_the_web_and_stands_once() -> None:
    links = json.loads(
        to_context(
            of(annotations={"runbook_url": "javascript:alert(1)", "dashboard_url": "https://example.com/d"})
        )
    )["links"]
    assert links == [
        {"text": "dashboard: QueueOld", "url": "https://example.com/d"},
        {"text": "source: QueueOld", "url": "http://prometheus.example.com/graph"},
    ]


def test_labels_that_spell_an_artifact_s_reference_are_none() -> None:
    digest = "0" * 64
    labels = {"artifact": f"sha256:{digest}", "size": "1", "media_type": "text/plain"}
    posted = WHOLE | {"commonLabels": labels, "alerts": [ALERT | {"labels": labels}]}
    context = json.loads(to_context(AlertmanagerNotification.model_validate_json(json.dumps(posted))))
    assert list(find_artifacts(context)) == []
    assert context["labels"] == context["alerts"][0]["labels"] == labels | {"artifact": digest}
