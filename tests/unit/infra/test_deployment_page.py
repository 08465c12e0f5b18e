"""The table of ports on the page of deployment has every port that the stack opens or listens on."""

import re

from airlock_orchestration.settings import Settings
from airlock_orchestration.store.database import BESIDE_CONNECTIONS, COUNTING_CONNECTIONS
from composed import ROOT, SERVICES

PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
PORTS = PAGE.partition("## Ports")[2].partition("\n## ")[0]


def test_every_port_that_compose_publishes_or_names_is_in_the_table() -> None:
    said = str(SERVICES)
    opened = set(re.findall(r":(\d{4,5})'", said)) | set(re.findall(r"://[a-z-]+:(\d{4,5})", said))
    assert {"9002", "4222", "3000"} <= opened
    assert opened <= set(re.findall(r"\d{4,5}", PORTS))


def test_what_a_replica_opens_is_what_the_page_counts() -> None:
    each = Settings.model_fields["database_connections"].default
    beside = BESIDE_CONNECTIONS + COUNTING_CONNECTIONS
    assert (
        f"twice `AIRLOCK_DATABASE_CONNECTIONS` + {beside} connections, {2 * each + beside} unless"
        in " ".join(PAGE.split())
    )
