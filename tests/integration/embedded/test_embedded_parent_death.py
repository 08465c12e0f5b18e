"""However the owner ends, its servers end with it, and the next start finds everything."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from airlock_client.embedded import EmbeddedNats, EmbeddedPostgres

_SECONDS = 30.0

# Starts both servers from a pool thread that ends at once, prints their pids, and waits to be killed.
_OWNER = """
import json, sys, threading, time
from airlock_client.embedded import EmbeddedNats, EmbeddedPostgres
servers = [EmbeddedPostgres(sys.argv[1] + "/postgres"), EmbeddedNats(sys.argv[1] + "/nats")]
def start():
    for server in servers:
        server.start()
thread = threading.Thread(target=start)
thread.start()
thread.join()
print(json.dumps([server.pid for server in servers]), flush=True)
sys.stdin.read()
"""


class Owner:
    """A process that owns both servers."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OWNER, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.servers: list[int] = json.loads(self.process.stdout.readline())
        self.launchers = [int(Path(f"/proc/{pid}/stat").read_text().split()[3]) for pid in self.servers]
        # Opened while they live: a pidfd names this very process, whatever becomes of its number.
        self.pidfds = [os.pidfd_open(pid) for pid in (*self.servers, *self.launchers)]

    def close(self) -> None:
        """Let go of everything; whatever is still alive is ended."""
        self.process.kill()
        self.process.communicate()
        assert _all_end(self.pidfds)
        for pidfd in self.pidfds:
            os.close(pidfd)


@pytest.fixture
def owner(data_dir: Path) -> Any:
    one = Owner(data_dir)
    yield one
    one.close()


def _all_end(pidfds: list[int]) -> bool:
    waiting = set(pidfds)
    while waiting:
        ended, _, _ = select.select(list(waiting), [], [], _SECONDS)
        if not ended:
            return False
        waiting -= set(ended)
    return True


def test_the_servers_outlive_the_thread_that_started_them(owner: Owner) -> None:
    ended, _, _ = select.select(owner.pidfds, [], [], 0.5)
    assert ended == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_owner_leaves_no_server_behind(owner: Owner, how: signal.Signals) -> None:
    owner.process.send_signal(how)
    assert _all_end(owner.pidfds)


def test_servers_of_a_killed_owner_are_shut_down_in_order(owner: Owner, data_dir: Path) -> None:
    owner.process.kill()
    assert _all_end(owner.pidfds)
    assert "database system is shut down" in (data_dir / "postgres/server.log").read_text()
    assert "Server Exiting" in (data_dir / "nats/server.log").read_text()


def test_a_killed_launcher_leaves_no_server_behind(owner: Owner) -> None:
    for pid in owner.launchers:
        os.kill(pid, signal.SIGKILL)
    assert _all_end(owner.pidfds)


def test_the_next_owner_may_start_at_once_after_a_killed_one(owner: Owner, data_dir: Path) -> None:
    owner.process.kill()
    owner.process.wait()
    with EmbeddedPostgres(data_dir / "postgres") as postgres, EmbeddedNats(data_dir / "nats") as nats_server:
        assert (postgres.exit_code(), nats_server.exit_code()) == (None, None)
        assert not {postgres.pid, nats_server.pid} & set(owner.servers)


def test_everything_killed_at_once_is_no_obstacle_to_the_next_start(owner: Owner, data_dir: Path) -> None:
    owner.process.kill()
    for pidfd in owner.pidfds:
        with suppress(ProcessLookupError):  # what a neighbour's end has ended already
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    owner.process.wait()
    with EmbeddedPostgres(data_dir / "postgres"), EmbeddedNats(data_dir / "nats"):
        pass
