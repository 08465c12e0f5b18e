"""The users of the stack's NATS are those that the contracts' permissions make."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

NATS = Path(__file__).parents[3] / "infra" / "nats"
COMMITTED = NATS / "users.conf"


def users_py(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run the script as an operator does."""
    command = [sys.executable, NATS / "users.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_the_committed_users_are_what_the_script_writes() -> None:
    script = runpy.run_path(str(NATS / "users.py"))
    written = script["configuration"](script["users"]())
    assert COMMITTED.read_text() == written, "run python infra/nats/users.py"


def test_a_file_of_ones_own_keeps_what_earlier_calls_asked_for(tmp_path: Path) -> None:
    own = tmp_path / "users.conf"
    for asked in (["--pool", "gpu"], ["--host", "alpha=arm", "--prefix", "acme"], ["--pool", "gpu"]):
        done = users_py(own, *asked)
        assert (done.returncode, done.stderr) == (0, "")
    text = own.read_text()
    assert re.findall(r"user: (\S+)", text) == ["orchestration", "reader", "host", "host-gpu", "host-alpha"]
    assert '"acme.>"' in text
    assert "hosts-gpu.acme.invocations.gpu.>" in text
    assert "hosts-arm.acme.invocations.arm.>" in text
    assert "airlock." not in text.partition("authorization")[2]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--pool", "gpu"], "name a file for them"),
        ([os.path.relpath(COMMITTED), "--pool", "gpu"], "name a file for them"),
        (["own.conf", "--pool", "GPU; }"], "is no name"),
        (["own.conf", "--pool", "gpu", "--host", "gpu=default"], "share a user: gpu"),
    ],
)
def test_users_that_would_harm_are_refused_and_nothing_is_written(asked: list[str], told: str) -> None:
    before = COMMITTED.read_bytes()
    done = users_py(*asked)
    assert done.returncode == 2
    assert told in done.stderr
    assert COMMITTED.read_bytes() == before
    assert not Path("own.conf").exists()


def test_messages_are_acknowledged_when_they_are_on_the_disk() -> None:
    assert "\n  sync_interval: always\n" in (NATS / "nats.conf").read_text()
