"""The scripts of the stack, run as they are: secrets, a host's folder, live reload."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
SAYS_ITS_FOLDER = '#!/bin/sh\necho "$AIRLOCK_DATA_DIR"\nexec cat\n'
"""In place of Python: says which folder it was given, and lives as long as its stdin."""

Process = subprocess.Popen[str]


def make_secrets(place: Path) -> dict[str, str]:
    """Run the script; answers what each file holds."""
    made = {"AIRLOCK_SECRETS": str(place / "secrets"), "AIRLOCK_ENV_FILE": str(place / ".env")}
    subprocess.run([INFRA / "local/secrets.sh"], env=os.environ | made, check=True, timeout=30)
    return {path.name: path.read_text() for path in (place / "secrets").iterdir() if path.is_file()}


def test_secrets_are_made_once_for_one_account_alone(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    assert set(made) == {
        *("postgres-password", "database-url", "grafana-password", "nats-passwords"),
        *("nats-orchestration", "nats-host", "nats-reader"),
    }
    assert len({made[name] for name in made if name not in ("database-url", "nats-passwords")}) == 5
    assert made["postgres-password"].strip() in made["database-url"]
    uid = os.getuid() or 1001
    for path in [tmp_path / "secrets", *(tmp_path / "secrets").rglob("*")]:
        status = path.stat()
        assert (status.st_uid, status.st_mode & 0o777) == (uid, 0o700 if path.is_dir() else 0o600), path
    assert f"\nAIRLOCK_UID={uid}\n" in (tmp_path / ".env").read_text()
    assert "\nAIRLOCK_DOCKER_GID=" in (tmp_path / ".env").read_text()
    (tmp_path / ".env").write_text("MINE=1\n")
    assert make_secrets(tmp_path) == made
    assert (tmp_path / ".env").read_text() == "MINE=1\n"


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Starts the image's script on one volume, with a process that only says where it is."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(SAYS_ITS_FOLDER)
    (tmp_path / "bin" / "python").chmod(0o755)
    (tmp_path / "volume").mkdir()
    found = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "AIRLOCK_DATA_DIR": str(tmp_path / "volume")}
    running: list[Process] = []

    def start() -> Process:
        script = ["sh", str(INFRA / "docker" / "agent-host.sh")]
        host = subprocess.Popen(script, env=found, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.append(host)
        return host

    yield start
    for host in running:
        with host:
            host.kill()


def folder_of(host: Process) -> str:
    assert host.stdout is not None
    return Path(host.stdout.readline().strip()).name


def test_hosts_on_one_volume_take_a_folder_each_and_find_it_again_after_a_kill(
    start_host: Callable[[], Process],
) -> None:
    first, second = start_host(), start_host()
    folders = {folder_of(first), folder_of(second)}
    assert folders == {"1", "2"}
    assert folder_of(start_host()) == "3"
    second.kill()
    second.wait(10)
    assert folder_of(start_host()) in folders


def test_a_changed_file_starts_the_process_again_and_sigterm_ends_both(tmp_path: Path) -> None:
    module = tmp_path / "said.py"
    module.write_text("import time\nprint('one', flush=True)\ntime.sleep(600)\n")
    reloading = subprocess.Popen(
        [sys.executable, INFRA / "docker" / "reload.py", str(tmp_path), "said"],
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with reloading:
        assert reloading.stdout is not None
        assert reloading.stdout.readline() == "one\n"
        before = time.monotonic()
        module.write_text("import time\nprint('two', flush=True)\ntime.sleep(600)\n")
        assert reloading.stdout.readline() == "two\n"
        assert time.monotonic() - before < 20
        reloading.send_signal(signal.SIGTERM)
        assert reloading.wait(20) == 0
        assert reloading.stdout.read() == ""  # nobody holds the pipe any more: the module has ended too
