"""Webhooks of alerting: a notification starts one run, however often it comes; what is none starts none."""

from __future__ import annotations

import asyncio
import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airlock_orchestration.store.tables import KeyRole

ROOT = Path(__file__).parents[3]
NOTIFIER = ROOT / "services" / "agents" / "airlock_agents" / "builtin" / "notifier" / "agent.yaml"
WORKFLOW = ROOT / "examples" / "alert-notification.yaml"
ALERTMANAGER: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}/{severity="P1"}:{alertname="QueueOld"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "airlock",
    "groupLabels": {"alertname": "QueueOld"},
    "commonLabels": {"alertname": "QueueOld", "severity": "P1"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example.com:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "QueueOld", "severity": "P1", "pool": "default"},
            "annotations": {
                "summary": "work waits for 6 minutes",
                "description": "pool default",
                "runbook_url": "https://example.com/runbooks/queue",
            },
            "startsAt": "2026-11-21T09:00:00.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=x",
            "fingerprint": "c9ab3a8e0e8b8a2b",
        }
    ],
}
GRAFANA: dict[str, Any] = {
    "receiver": "airlock",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "High memory", "grafana_folder": "Airlock", "severity": "critical"},
            "annotations": {"summary": "memory is at 97 %"},
            "startsAt": "2026-11-21T10:00:00+01:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example.com/alerting/grafana/1/view?orgId=1",
            "fingerprint": "57c6d9296de2ad39",
            "silenceURL": "https://grafana.example.com/alerting/silence/new",
            "dashboardURL": "https://grafana.example.com/d/airlock-system?orgId=1",
            "panelURL": "",
            "values": {"B": 97.2},
            "valueString": "[ var='B' labels={} value=97.2 ]",
            "orgId": 1,
        }
    ],
    "groupLabels": {},
    "commonLabels": {"alertname": "High memory"},
    "commonAnnotations": {},
    "externalURL": "https://grafana.example.com/",
    "version": "1",
    "groupKey": '{}:{alertname="High memory"}',
    "truncatedAlerts": 0,
    "title": "[FIRING:1] High memory Airlock",
    "state": "alerting",
    "message": "**Firing**\n\nValue: B=97.2",
}
POSTS = {"/api/webhooks/alertmanager": ALERTMANAGER, "/api/webhooks/grafana": GRAFANA}


@pytest.fixture
async def ready(rig: Any) -> Any:
    """The API with the notifier and the workflow as they are shipped."""
    rig.images.has_everything = True
    yaml_type = {"Content-Type": "application/yaml"}
    for path, document in (("/api/agents", NOTIFIER), ("/api/workflows", WORKFLOW)):
        answer = await rig.client.post(path, content=document.read_bytes(), headers=yaml_type)
        assert answer.status_code == 201, answer.text
    return rig


def changed(body: dict[str, Any], **alert: Any) -> dict[str, Any]:
    """The notification with another first alert."""
    other = copy.deepcopy(body)
    other["alerts"][0] |= alert
    return other


async def runs_of(rig: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await rig.client.get("/api/runs")).json()["items"]
    return items


@pytest.mark.parametrize("path", POSTS)
async def test_a_notification_starts_a_run_that_tells_of_it(ready: Any, path: str) -> None:
    key = await ready.new_key("alerting", KeyRole.WEBHOOK)
    async with ready.client_of(key) as alerting:
        answer = await alerting.post(path, json=POSTS[path])
    assert answer.status_code == 202, answer.text
    run = answer.json()["id"]
    assert answer.headers["location"] == f"/api/runs/{run}"
    assert answer.json()["workflow"] == "alert-notification"
    view = await ready.run(run)
    assert view["created_by"] == "alerting"
    (row,) = await kinds(ready, run)
    assert row == "webhook"
    told = (await ready.client.get(f"/api/runs/{run}/nodes/tell/input")).json()
    assert told["channel"] == "console"
    if "grafana" in path:
        assert (told["severity"], told["title"]) == ("CRITICAL", "[FIRING:1] High memory Airlock")
        assert told["message"].startswith("**Firing**")
        assert told["tables"][0]["rows"][0]["starts_at"] == "2026-11-21T09:00:00Z"
        assert [link["text"].partition(":")[0] for link in told["links"]] == [
            *("source", "dashboard", "silence", "grafana")
        ]
    else:
        assert (told["severity"], told["title"]) == ("HIGH", "FIRING (1): QueueOld")
        assert told["message"] == "QueueOld: work waits for 6 minutes: pool default"
        assert told["links"][0] == {
            "text": "runbook: QueueOld",
            "url": "https://example.com/runbooks/queue",
        }
        assert told["facts"]["firing"] == 1


async def kinds(rig: Any, run: str) -> list[str]:
    async with rig.sessions.path() as connection:
        rows = await connection.fetch("SELECT trigger_kind FROM runs WHERE id = $1::uuid", run)
        return [row[0] for row in rows]


async def test_a_notification_that_comes_again_answers_the_run_that_there_is(ready: Any) -> None:
    path = "/api/webhooks/alertmanager"
    # What is said of it may have changed meanwhile: a value in its text.
    again = changed(ALERTMANAGER, annotations={"summary": "work waits for 7 minutes"})
    answers = await asyncio.gather(
        *(ready.client.post(path, json=body) for body in (ALERTMANAGER, again) * 4)
    )
    assert [answer.status_code for answer in answers] == [202] * 8
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert len(await runs_of(ready)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "resolved", "endsAt": "2026-11-21T09:30:00Z"},
        {"startsAt": "2026-11-21T09:00:01Z"},
        {"fingerprint": "0000000000000000"},
    ],
)
async def test_what_changed_about_its_alerts_is_told_anew(ready: Any, changes: dict[str, Any]) -> None:
    path = "/api/webhooks/alertmanager"
    first = await ready.client.post(path, json=ALERTMANAGER)
    second = await ready.client.post(path, json=changed(ALERTMANAGER, **changes))
    assert second.status_code == 202
    assert second.json()["id"] != first.json()["id"]


async def test_a_reminder_after_five_minutes_is_told_again_and_a_late_answer_is_not(ready: Any) -> None:
    path = "/api/webhooks/alertmanager"

    async def age(by: timedelta) -> None:
        """Let all that there is have happened earlier: runs, and the turn that their keys name."""
        async with ready.sessions.path() as connection:
            await connection.execute(
                """UPDATE runs SET created_at = created_at - $1::interval, trigger_key =
                regexp_replace(trigger_key, '[0-9]+$', '')
                || floor(extract(epoch FROM created_at - $1::interval) / 300)""",
                by,
            )

    first = (await ready.client.post(path, json=ALERTMANAGER)).json()["id"]
    await age(timedelta(seconds=290))
    assert (await ready.client.post(path, json=ALERTMANAGER)).json()["id"] == first
    await age(timedelta(seconds=11))
    reminder = await ready.client.post(path, json=ALERTMANAGER)
    assert reminder.json()["id"] != first
    assert "idempotency-replayed" not in reminder.headers


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"version": "3"}, "version"),
    ({"groupKey": ""}, "groupKey"),
    ({"status": "pending"}, "status"),
    ({"alerts": []}, "alerts"),
    ({"alerts": "none"}, "alerts"),
    ({"truncatedAlerts": "0"}, "truncatedAlerts"),
    ({"commonLabels": {"a": 1}}, "commonLabels.a"),
]
MALFORMED_ALERTS: list[tuple[dict[str, Any], str]] = [
    ({"startsAt": "yesterday"}, "startsAt"),
    ({"labels": None}, "labels"),
    ({"status": "alerting"}, "status"),
]
OF_GRAFANA_ALONE: list[tuple[dict[str, Any], str]] = [
    ({"title": 1}, "title"),
    ({"message": ["Firing"]}, "message"),
    (changed(GRAFANA, panelURL=7), "alerts[0].panelURL"),
]
REFUSED = [
    *((path, body | changes, place) for path, body in POSTS.items() for changes, place in MALFORMED),
    *(
        (path, changed(body, **alert), f"alerts[0].{place}")
        for path, body in POSTS.items()
        for alert, place in MALFORMED_ALERTS
    ),
    *((path, body | {"alerts": body["alerts"] * 1001}, "alerts") for path, body in POSTS.items()),
    *(("/api/webhooks/grafana", GRAFANA | changes, place) for changes, place in OF_GRAFANA_ALONE),
]


@pytest.mark.parametrize(("path", "body", "place"), REFUSED)
async def test_what_is_malformed_is_422_with_the_place(
    ready: Any, path: str, body: dict[str, Any], place: str
) -> None:
    answer = await ready.client.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert [one["place"] for one in answer.json()["errors"]] == [place]
    assert await runs_of(ready) == []


@pytest.mark.parametrize("path", POSTS)
async def test_fields_that_a_vendor_adds_are_passed_over(ready: Any, path: str) -> None:
    body = changed(POSTS[path], added={"deep": [1]}) | {"addedToo": None}
    assert (await ready.client.post(path, json=body)).status_code == 202


@pytest.mark.parametrize("path", POSTS)
async def test_what_is_no_json_or_too_large_is_refused(ready: Any, path: str) -> None:
    for body, status, code in (
        (b"", 422, "document.invalid"),
        (b"alerts: []", 422, "document.invalid"),
        (b" " * (1024 * 1024 + 1), 413, "request.too_large"),
    ):
        answer = await ready.client.post(path, content=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await runs_of(ready) == []


async def test_a_thousand_alerts_are_told_as_the_loudest_fifty_and_a_count(ready: Any) -> None:
    alert = ALERTMANAGER["alerts"][0]
    many = [
        {
            **alert,
            "fingerprint": f"{number:016x}",
            "labels": {"alertname": f"A{number}", "severity": severity},
        }
        for number, severity in enumerate(["P3"] * 990 + ["P0"] * 10)
    ]
    for one in many:
        one["annotations"] = {"description": "\u20ac" * 200}
    body = ALERTMANAGER | {"alerts": many, "truncatedAlerts": 7}
    answer = await ready.client.post("/api/webhooks/alertmanager", json=body)
    assert answer.status_code == 202, answer.text
    context = (await ready.client.get(f"/api/runs/{answer.json()['id']}/context")).json()
    assert (context["severity"], context["firing"], context["left_out"]) == ("CRITICAL", 1000, 957)
    assert [one["name"] for one in context["alerts"]][:11] == [*(f"A{n}" for n in range(990, 1000)), "A0"]
    assert len(context["alerts"]) == 50


@pytest.mark.parametrize("path", POSTS)
async def test_without_the_workflow_the_answer_names_the_command(rig: Any, path: str) -> None:
    answer = await rig.client.post(path, json=POSTS[path])
    assert (answer.status_code, answer.json()["code"]) == (404, "workflow.unknown")
    assert "airlock workflows apply examples/alert-notification.yaml" in answer.json()["hint"]
