"""Alerts as Alertmanager and Grafana post them, and the context that a run gets of them.

What is needed is checked strictly; fields that are not known here are passed over, since vendors add some.
Sources: Prometheus' documentation, Alerting, Configuration, `<webhook_config>` (version "4" of the body);
Grafana's documentation, Alerting, Webhook notifier (version "1", with the same core).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from airlock_contracts.artifacts import is_artifact
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

MAX_POSTED = 1000
"""Alerts of one notification; `max_alerts` bounds them at their source."""
MAX_ALERTS = 50
"""Alerts that a context holds; what is behind them is counted."""
MAX_ALERTS_BYTES = 128 * 1024
_MAX_LABELS = 24
_MAX_LINKS = 12
_MAX_TOLD = 10  # alerts that the message tells of
_LAST = datetime(9999, 12, 30, tzinfo=UTC)  # what is later cannot be told in every zone

_Text = Annotated[str, StringConstraints(max_length=16_384)]
_Texts = Annotated[dict[Annotated[str, StringConstraints(max_length=1024)], _Text], Field(max_length=200)]
_Address = Annotated[str, StringConstraints(max_length=16_384)]
_Time = Annotated[AwareDatetime, Field(le=_LAST)]
_Status = Literal["firing", "resolved"]
Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"]

_LOUDEST_FIRST: tuple[Severity, ...] = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO")
_UNSAID: Severity = "MEDIUM"  # of an alert whose label is missing, or a word that we do not know
_SPOKEN: Mapping[str, Severity] = {
    **dict.fromkeys(("p0", "critical", "emergency", "page", "fatal"), "CRITICAL"),
    **dict.fromkeys(("p1", "high", "error", "major"), "HIGH"),
    **dict.fromkeys(("p2", "medium", "warning", "moderate"), "MEDIUM"),
    **dict.fromkeys(("p3", "low", "minor"), "LOW"),
    **dict.fromkeys(("p4", "info", "informational", "none"), "INFO"),
}


class _Posted(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", alias_generator=to_camel)


class PostedAlert(_Posted):
    """One alert, as both post it."""

    status: _Status
    labels: _Texts
    annotations: _Texts | None = None
    starts_at: _Time
    ends_at: _Time | None = None
    """Zero, which is the year 1, while it fires."""
    fingerprint: Annotated[str, StringConstraints(max_length=128)] = ""
    generator_url: _Address | None = Field(default=None, alias="generatorURL")

    @property
    def severity(self) -> Severity:
        """How loud it is to be told, by its label `severity`; quietly once it is over."""
        said = self.labels.get("severity", self.labels.get("priority", ""))
        return "INFO" if self.status == "resolved" else _SPOKEN.get(said.strip().lower(), _UNSAID)

    def addresses(self) -> Iterator[tuple[str, str | None]]:
        """Where to look, with what is there."""
        said = self.annotations or {}
        yield "runbook", said.get("runbook_url")
        yield "dashboard", said.get("dashboard_url")
        yield "source", self.generator_url


class GrafanaAlert(PostedAlert):
    """One alert as Grafana posts it."""

    dashboard_url: _Address | None = Field(default=None, alias="dashboardURL")
    panel_url: _Address | None = Field(default=None, alias="panelURL")
    silence_url: _Address | None = Field(default=None, alias="silenceURL")

    def addresses(self) -> Iterator[tuple[str, str | None]]:
        """Where to look, with what is there."""
        yield from super().addresses()
        yield "dashboard", self.dashboard_url
        yield "panel", self.panel_url
        yield "silence", self.silence_url


class _Notification(_Posted):
    source: ClassVar[str]

    group_key: Annotated[str, StringConstraints(min_length=1, max_length=16_384)]
    status: _Status
    receiver: _Text
    truncated_alerts: int = Field(default=0, ge=0, le=10**9)
    group_labels: _Texts | None = None
    common_labels: _Texts | None = None
    common_annotations: _Texts | None = None
    external_url: _Address | None = Field(default=None, alias="externalURL")


class AlertmanagerNotification(_Notification):
    """What Alertmanager posts: version 4 of its webhook."""

    source: ClassVar[str] = "alertmanager"

    version: Literal["4"]
    alerts: list[PostedAlert] = Field(min_length=1, max_length=MAX_POSTED)


class GrafanaNotification(_Notification):
    """What Grafana's alerting posts: version 1 of its webhook."""

    source: ClassVar[str] = "grafana"

    version: Literal["1"]
    alerts: list[GrafanaAlert] = Field(min_length=1, max_length=MAX_POSTED)
    title: _Text | None = None
    message: Annotated[str, StringConstraints(max_length=262_144)] | None = None


Notification = AlertmanagerNotification | GrafanaNotification


def identity(notification: Notification) -> str:
    """What two sendings of one notification have in common, and two notifications have not."""
    alerts = sorted(
        [one.fingerprint or json.dumps(one.labels, sort_keys=True), one.status, _spell(one.starts_at)]
        for one in notification.alerts
    )
    said = json.dumps([notification.group_key, notification.status, alerts])
    return f"{notification.source} {hashlib.sha256(said.encode()).hexdigest()}"


def to_context(notification: Notification) -> bytes:
    """The context of the run that tells of it: the loudest alerts first, bounded, as JSON."""
    alerts = sorted(notification.alerts, key=_rank)
    firing = sum(one.status == "firing" for one in alerts)
    told = _bounded(alerts)
    return _json(
        {
            "source": notification.source,
            "receiver": _cut(notification.receiver, 200),
            "status": notification.status,
            "severity": alerts[0].severity,
            "title": _title(notification, alerts, firing),
            "message": _message(notification, alerts),
            "firing": firing,
            "resolved": len(alerts) - firing,
            "left_out": len(alerts) - len(told) + notification.truncated_alerts,
            "labels": _labels(notification.common_labels or notification.group_labels or {}),
            "alerts": told,
            "links": list(_links(notification, alerts)),
        }
    )


def _rank(alert: PostedAlert) -> tuple[int, bool]:
    return _LOUDEST_FIRST.index(alert.severity), alert.status == "resolved"


def _bounded(alerts: Sequence[PostedAlert]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    size = 0
    for alert in alerts[:MAX_ALERTS]:
        said = alert.annotations or {}
        one = {
            "name": _name(alert),
            "status": alert.status,
            "severity": alert.severity,
            "summary": _cut(said.get("summary", ""), 300),
            "description": _cut(said.get("description", ""), 1000),
            "starts_at": _spell(alert.starts_at),
            "ends_at": _spell(alert.ends_at) if alert.ends_at and alert.ends_at > alert.starts_at else None,
            "labels": _labels(alert.labels),
        }
        size += len(_json(one))
        if size > MAX_ALERTS_BYTES:
            break
        told.append(one)
    return told


def _title(notification: Notification, alerts: Sequence[PostedAlert], firing: int) -> str:
    if isinstance(notification, GrafanaNotification) and notification.title:
        return _cut(notification.title, 300)
    names = list(dict.fromkeys(_name(one) for one in alerts))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    count = firing if notification.status == "firing" else len(alerts)
    return _cut(f"{notification.status.upper()} ({count}): {', '.join(names[:3])}{more}", 300)


def _message(notification: Notification, alerts: Sequence[PostedAlert]) -> str:
    if isinstance(notification, GrafanaNotification) and notification.message:
        return _cut(notification.message, 4000)
    lines = []
    for alert in alerts[:_MAX_TOLD]:
        said = alert.annotations or {}
        texts = [said[name] for name in ("summary", "description") if said.get(name)]
        lines.append(_cut(": ".join([_name(alert), *texts]), 380))
    return "\n".join(lines)


def _links(notification: Notification, alerts: Sequence[PostedAlert]) -> Iterator[dict[str, str]]:
    """Addresses that lead somewhere, each once, those of the loudest first."""
    found: dict[str, str] = {}
    for alert in alerts:
        for what, address in alert.addresses():
            found.setdefault(address or "", f"{what}: {_name(alert)}")
    found.setdefault(notification.external_url or "", notification.source)
    usable = [address for address in found if _is_address(address)]
    for address in usable[:_MAX_LINKS]:
        yield {"text": _cut(found[address], 200), "url": address}


def _is_address(text: str) -> bool:
    is_web = text.startswith(("http://", "https://")) and len(text) <= 2000
    return is_web and text.isascii() and text.isprintable() and " " not in text


def _name(alert: PostedAlert) -> str:
    return _cut(alert.labels.get("alertname", "") or "alert", 100)


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    told = {_cut(name, 64): _cut(labels[name], 200) for name in sorted(labels)[:_MAX_LABELS]}
    if is_artifact(told):  # it would be looked up, and the answer say what artifacts there are
        told["artifact"] = told["artifact"].removeprefix("sha256:")
    return told


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _spell(time: datetime) -> str:
    """RFC 3339 in UTC; the first days of the year 1 stay in their own zone."""
    if time.year > 1:
        time = time.astimezone(UTC)
    return time.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
