"""The users of the stack's NATS are those that the contracts' permissions make."""

import runpy
from pathlib import Path

NATS = Path(__file__).parents[3] / "infra" / "nats"


def test_the_committed_users_are_what_the_script_writes() -> None:
    script = runpy.run_path(str(NATS / "users.py"))
    written = script["configuration"](script["users"]())
    assert (NATS / "users.conf").read_text() == written, "run python infra/nats/users.py"


def test_messages_are_acknowledged_when_they_are_on_the_disk() -> None:
    assert "\n  sync_interval: always\n" in (NATS / "nats.conf").read_text()
