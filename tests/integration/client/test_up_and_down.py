"""`airlock up` on one machine: started, found, started again, stopped, and never left behind."""

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest


def until(wanted: Any, seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := wanted()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_status_names_every_part_with_its_process(running: Any) -> None:
    status = running.ask("status")
    assert set(status["parts"]) == {"up", "orchestration", "Postgres", "nats-server"}
    assert all(
        part["state"] == "UP" and Path(f"/proc/{part['pid']}").exists() for part in status["parts"].values()
    )
    assert status["url"] in running.airlock("status").stdout


def test_a_second_up_says_that_it_runs_and_where(running: Any) -> None:
    again = running.airlock("up")
    assert again.returncode == 0
    assert f"runs at {running.ask('status')['url']}" in again.stdout


def test_keys_and_secrets_are_for_their_owner_and_stand_on_no_command_line(running: Any) -> None:
    secrets = [*(running.data / "secrets").iterdir(), *(running.data / "keys").iterdir()]
    assert {file.name for file in secrets} >= {"admin.key", "host.key", "database-url"}
    assert {file.stat().st_mode & 0o777 for file in secrets} == {0o600}
    lines = " ".join(running.processes().values())
    logs = " ".join(log.read_text() for log in (running.data / "logs").iterdir())
    for file in secrets:
        assert file.read_text().strip() not in lines
        assert file.read_text().strip() not in logs


def test_logs_are_json_lines(running: Any) -> None:
    lines = (running.data / "logs" / "orchestration.log").read_text().splitlines()
    assert all(json.loads(line)["service"] == "orchestration" for line in lines)


def test_what_a_collector_asks_of_its_senders_reaches_them(running: Any) -> None:
    pid = running.ask("status")["parts"]["orchestration"]["pid"]
    given = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert b"OTEL_EXPORTER_OTLP_HEADERS=x-token=of-a-collector" in given


def test_a_path_is_handed_on_from_where_up_was_typed(running: Any) -> None:
    """The headers' file is read at the start, else `up` had failed."""
    pid = running.ask("status")["parts"]["orchestration"]["pid"]
    given = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    assert f"AIRLOCK_OTLP_HEADERS_FILE={running.data.parent}/headers" in given
    assert f"OTEL_EXPORTER_OTLP_CERTIFICATE={running.data.parent}/tls/ca.pem" in given
    assert not any(one.startswith("OTEL_EXPORTER_OTLP_CLIENT_KEY=") for one in given)


def test_a_taken_port_is_named_with_its_flag(fresh: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = fresh.airlock("up", "--no-agents", "--port", str(port))
    assert up.returncode == 1
    assert f"port {port} is taken: choose another with --port" in up.stderr
    assert fresh.processes() == {}


def test_a_data_folder_of_a_newer_version_is_refused_untouched(fresh: Any) -> None:
    fresh.data.mkdir()
    (fresh.data / "version").write_text("99.1.0\n")
    up = fresh.airlock("up", "--no-agents")
    assert up.returncode == 1
    assert "written by Airlock 99.1.0" in up.stderr
    assert [file.name for file in fresh.data.iterdir()] == ["version"]


@pytest.mark.parametrize("flags", [[], ["--detach"]])
def test_a_folder_that_a_server_cannot_use_is_one_line(fresh: Any, flags: list[str]) -> None:
    (fresh.data / "nats").mkdir(parents=True)
    (fresh.data / "version").write_text("0.0.1\n")
    (fresh.data / "postgres").write_text("no folder\n")
    up = fresh.airlock("up", "--no-agents", "--port", "0", *flags)
    assert up.returncode == 1
    said = up.stdout + up.stderr
    assert "Traceback" not in said
    assert len([line for line in said.splitlines() if line.startswith("airlock: ")]) == 1
    assert str(fresh.data / "postgres") in said
    assert fresh.processes() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_in_order_and_the_data_stay(fresh: Any, number: int) -> None:
    up = fresh.start()
    fresh.ask("keys", "create", "--name", "ada")
    up.send_signal(number)
    assert up.wait(60) == 0
    assert fresh.processes() == {}
    assert not (fresh.data / "airlock.json").exists()
    assert fresh.airlock("status").returncode == 4
    up = fresh.start()
    assert "ada" in [key["name"] for key in fresh.ask("keys", "list")]
    assert fresh.airlock("down").returncode == 0
    assert up.wait(60) == 0


def test_a_signal_while_it_starts_leaves_nothing(fresh: Any) -> None:
    for seconds in (0.0, 0.4, 1.2):
        up = fresh.start_only()
        assert "data folder" in up.stdout.readline()
        time.sleep(seconds)
        up.send_signal(signal.SIGINT)
        assert up.wait(60) in (0, 130)
        fresh.until_nothing_runs(1)


def test_without_docker_it_says_what_to_do_and_leaves_nothing(fresh: Any) -> None:
    up = fresh.airlock("up", "--port", "0", more={"DOCKER_HOST": f"unix://{fresh.data}/no.sock"})
    assert up.returncode == 1
    assert "Docker" in up.stderr
    assert "Traceback" not in up.stderr
    fresh.until_nothing_runs(1)


def test_killed_with_9_it_leaves_nothing_and_starts_again(fresh: Any) -> None:
    up = fresh.start()
    up.kill()
    up.wait()
    fresh.until_nothing_runs(30)
    up = fresh.start()
    up.kill()
    again = fresh.start()  # waits for what is left
    assert fresh.airlock("down").returncode == 0
    assert again.wait(60) == 0


def test_a_part_that_is_killed_is_started_again_at_the_same_address(fresh: Any) -> None:
    up = fresh.start()
    before = fresh.ask("status")
    for part in ("orchestration", "nats-server", "Postgres"):
        os.kill(before["parts"][part]["pid"], signal.SIGKILL)

    def back() -> bool:
        status = json.loads(fresh.airlock("status", "--json").stdout)
        changed = [
            status["parts"].get(name) != part for name, part in before["parts"].items() if name != "up"
        ]
        return all(changed) and fresh.airlock("workflows", "list").returncode == 0

    until(back, 60)
    assert fresh.ask("status")["url"] == before["url"]
    assert fresh.airlock("down").returncode == 0
    up.communicate(timeout=60)
