"""The scripts of the stack, run as they are: secrets, a host's folder, live reload."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
SAYS_ITS_FOLDER = '#!/bin/sh\necho "$AIRLOCK_DATA_DIR"\nexec cat\n'
"""In place of Python: says which folder it was given, and lives as long as its stdin."""

Process = subprocess.Popen[str]


class Well(BaseHTTPRequestHandler):
    """A process that is ready."""

    def do_GET(self) -> None:
        ready = self.path == "/health/ready"
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(b"" if ready else b"not here")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


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


def test_secrets_are_made_for_the_account_and_for_the_users_that_the_settings_name(tmp_path: Path) -> None:
    uid = os.getuid() or 4242
    (tmp_path / "users.conf").write_text("      user: host-gpu\n")
    (tmp_path / ".env").write_text(
        "AIRLOCK_UID=1001\n"  # the last line counts
        f"AIRLOCK_UID={uid}\nAIRLOCK_NATS_USERS='{tmp_path}/users.conf'\nAIRLOCK_SECRETS=\"{tmp_path}/secrets\"\n"
    )
    for _ in range(2):  # again without an argument, as after an upgrade
        script = [INFRA / "local/secrets.sh"]
        subprocess.run(
            script, env=os.environ | {"AIRLOCK_ENV_FILE": str(tmp_path / ".env")}, check=True, timeout=30
        )
    secrets = tmp_path / "secrets"
    password = (secrets / "nats-host-gpu").read_text().strip()
    assert (secrets / "nats-passwords").read_text() == f'PASSWORD_HOST_GPU: "{password}"\n'
    assert {path.stat().st_uid for path in secrets.rglob("*")} == {uid}


@pytest.mark.parametrize(
    ("line", "means"),
    [
        ("AIRLOCK_SECRETS={}/own", "own"),
        ('AIRLOCK_SECRETS="{}/with space"', "with space"),
        ("AIRLOCK_SECRETS='{}/own'", "own"),
        ("AIRLOCK_SECRETS={}/before\nAIRLOCK_SECRETS={}/own", "own"),
        ("# AIRLOCK_SECRETS={}/not", "as the environment says"),
        ("AIRLOCK_SECRETS={}/own # mine", None),
        ('AIRLOCK_SECRETS="{}/own" # mine', None),
        ("export AIRLOCK_SECRETS={}/own", None),
        (" AIRLOCK_SECRETS={}/own", None),
        ("AIRLOCK_SECRETS = {}/own", None),
        ("AIRLOCK_SECRETS: {}/own", None),
        ("AIRLOCK_SECRETS:{}/own", None),
        ("AIRLOCK_SECRETS={}/${USER}", None),
        ("AIRLOCK_SECRETS='{}/own\"", None),
        ("AIRLOCK_SECRETS={}/own\r", None),
    ],
)
def test_a_setting_is_read_as_compose_reads_it_or_refused(
    tmp_path: Path, line: str, means: str | None
) -> None:
    (tmp_path / ".env").write_bytes(f"{line.replace('{}', str(tmp_path))}\nMINE=1\n".encode())
    names = {"AIRLOCK_ENV_FILE": str(tmp_path / ".env")}
    if line.startswith("#"):
        names["AIRLOCK_SECRETS"] = str(tmp_path / "as the environment says")
    done = subprocess.run(
        [INFRA / "local/secrets.sh"],
        env=os.environ | names,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    made = {path.parent.name for path in tmp_path.rglob("postgres-password")}
    if means is None:
        assert (done.returncode, made) == (1, set())
        assert done.stderr.startswith(f"airlock: {tmp_path}/.env: write AIRLOCK_SECRETS=VALUE")
        assert len(done.stderr.splitlines()) == 1
    else:
        assert (done.returncode, made) == (0, {means})


def test_a_health_check_asks_the_process_and_no_proxy() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Well) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        nobody = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}

        def asked(url: str) -> "subprocess.CompletedProcess[str]":
            script = [sys.executable, "-I", str(INFRA / "docker" / "healthy.py")]
            environment = os.environ | nobody | {"HEALTH_URL": url}
            return subprocess.run(
                script, env=environment, capture_output=True, text=True, timeout=30, check=False
            )

        well, unwell = asked(f"{address}/health/ready"), asked(f"{address}/elsewhere")
        server.shutdown()
    assert (well.returncode, well.stderr) == (0, "")
    assert (unwell.returncode, unwell.stderr) == (1, "not here")


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
