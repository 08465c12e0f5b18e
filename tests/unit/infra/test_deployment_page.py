"""The table of ports on the page of deployment has every port that the stack opens or listens on."""

import re

from airlock_orchestration.settings import Settings
from airlock_orchestration.store.database import (
    BESIDE_CONNECTIONS,
    COUNTING_CONNECTIONS,
    RECOGNISING_CONNECTIONS,
)
from composed import ROOT, SERVICES

PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
AT_HAND = 20
"""Connections that are left for a migration, for who looks by hand, and for Postgres' own three."""
WATCHERS = "tempo|loki|prometheus|alertmanager|grafana|otel-collector"
BESIDE = BESIDE_CONNECTIONS + RECOGNISING_CONNECTIONS + COUNTING_CONNECTIONS
EACH = 2 * Settings.model_fields["database_connections"].default + BESIDE
PORTS = PAGE.partition("## Ports")[2].partition("\n## ")[0]


def test_every_port_that_compose_publishes_or_names_is_in_the_table() -> None:
    said = str(SERVICES)
    opened = set(re.findall(r":(\d{4,5})'", said)) | set(re.findall(r"://[a-z-]+:(\d{4,5})", said))
    assert {"9002", "4222", "3000"} <= opened
    assert opened <= set(re.findall(r"\d{4,5}", PORTS))


def test_every_port_by_which_those_that_look_at_airlock_reach_each_other_is_in_the_table() -> None:
    files = [path for path in (ROOT / "observability").rglob("*.y*ml") if path.parent.name != "tests"]
    said = "\n".join(path.read_text(encoding="utf-8") for path in files)
    reached = set(re.findall(rf"\b(?:{WATCHERS}):(\d{{4,5}})\b", said))
    assert {"4317", "3100", "3200", "8888"} <= reached
    assert reached <= set(re.findall(r"\d{4,5}", PORTS))


def test_postgres_has_room_for_as_many_replicas_as_there_are_ports() -> None:
    manual = (ROOT / "docs" / "docker.md").read_text(encoding="utf-8")
    ((first, last),) = re.findall(
        r"^\$ echo AIRLOCK_API_PUBLISH=127\.0\.0\.1:(\d+)-(\d+)", manual, re.MULTILINE
    )
    (allowed,) = re.findall(r"max_connections=(\d+)", str(SERVICES["postgres"]["command"]))
    assert (int(last) - int(first) + 1) * EACH + AT_HAND <= int(allowed)


def test_what_a_replica_opens_is_what_the_page_counts() -> None:
    assert f"twice `AIRLOCK_DATABASE_CONNECTIONS` + {BESIDE} connections, {EACH} unless" in " ".join(
        PAGE.split()
    )
