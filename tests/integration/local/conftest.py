"""Each test of the set-up scripts gets a machine of its own."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up_machine import Machine, make_machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A made-up machine; a daemon that was started on it is ended again."""
    made = make_machine(tmp_path)
    yield made
    pid = made.read("run/airlock-dockerd.pid").strip()
    if pid and Path(f"/proc/{pid}").exists():
        os.kill(int(pid), signal.SIGTERM)
