"""The command line as its users have it: a process of its own, on data folders of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def no_blocking_call() -> None:
    """Here the command line is another process, and waiting for it blocks on purpose."""


@dataclass
class Install:
    """A data folder and the command line for it."""

    data: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def airlock(
        self, *arguments: str, more: dict[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "airlock_client", *arguments],
            env=self.environment | (more or {}),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def ask(self, *arguments: str) -> Any:
        """Run a command with --json; answers what it printed."""
        done = self.airlock(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start_only(self) -> subprocess.Popen[str]:
        """Start `airlock up` in the foreground."""
        up = subprocess.Popen(
            [sys.executable, "-m", "airlock_client", "up", "--no-agents", "--port", "0"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(up)
        return up

    def start(self) -> subprocess.Popen[str]:
        """Start `airlock up` in the foreground and wait until it is up."""
        up = self.start_only()
        assert up.stdout is not None
        said = []
        for line in up.stdout:
            said.append(line)
            if line.startswith("next "):
                return up
        up.wait()
        pytest.fail(f"airlock up ended with {up.returncode}: {''.join(said)}")

    @property
    def environment(self) -> dict[str, str]:
        """Of the commands: nothing of ours but the data folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")}
        return kept | {"AIRLOCK_HOME": str(self.data), "COLUMNS": "120"}

    def processes(self) -> dict[int, str]:
        """The living processes that work on the data folder, with their command lines."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    state = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
                except OSError:
                    continue
                if str(self.data) in line and state not in "ZX":
                    found[int(entry.name)] = line
        return found

    def until_nothing_runs(self, seconds: float) -> None:
        """Wait until no process works on the folder; fail where one stays."""
        until = time.monotonic() + seconds
        while left := self.processes():
            assert time.monotonic() < until, left
            time.sleep(0.05)


@pytest.fixture
def fresh() -> Iterator[Install]:
    """An install that is not there yet, in a folder that the servers' account may pass."""
    folder = Path(tempfile.mkdtemp(prefix="airlock-cli-"))
    folder.chmod(0o711)
    install = Install(folder / "data")
    yield install
    for pid in install.processes():
        os.kill(pid, signal.SIGKILL)
    install.until_nothing_runs(30)
    for up in install.started:
        up.communicate(timeout=30)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def running() -> Iterator[Install]:
    """An install without agents that runs in the background, for the tests of one file."""
    folder = Path(tempfile.mkdtemp(prefix="airlock-cli-"))
    folder.chmod(0o711)
    install = Install(folder / "data")
    (folder / "headers").write_text("x-token=of-a-collector\n")
    for_collectors = {
        "AIRLOCK_OTLP_HEADERS_FILE": "headers",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-token=of-a-collector",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "tls/ca.pem",
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": "",
    }
    up = install.airlock("up", "--no-agents", "--detach", "--port", "0", more=for_collectors, cwd=folder)
    assert up.returncode == 0, up.stdout + up.stderr
    yield install
    down = install.airlock("down")
    assert down.returncode == 0, down.stderr
    install.until_nothing_runs(10)
    shutil.rmtree(folder)
