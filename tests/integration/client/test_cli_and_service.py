"""Commands against a real service that has no agents: keys, artifacts, workflows, doctor, purge."""

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CYCLE = """
name: round
nodes:
  - {id: a, agent: nobody, action: do, depends_on: [b]}
  - {id: b, agent: nobody, action: do, depends_on: [a]}
"""
FIFTY_MEGABYTES = 50_000_000


# A process of its own, and a small one, starts the command: the kernel counts what the starter holds as well.
PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def measured(running: Any, *arguments: str) -> tuple[str, int]:
    """What a command printed, and the most memory that it held, in bytes."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PEAK, sys.executable, "-m", "airlock_client", *arguments],
        env=running.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, int(done.stderr.split()[-1]) * 1024


def test_a_key_is_shown_once_used_and_revoked(running: Any, tmp_path: Path) -> None:
    file = tmp_path / "grace.key"
    made = running.ask("keys", "create", "--name", "grace", "--output", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert "key" not in made
    options = {"AIRLOCK_KEY_FILE": str(file)}
    assert running.airlock("runs", "list", more=options).returncode == 0
    assert file.read_text().strip() not in running.airlock("keys", "list", "--json").stdout
    running.ask("keys", "revoke", made["id"])
    until = time.monotonic() + 15
    while (refused := running.airlock("runs", "list", more=options)).returncode == 0:
        assert time.monotonic() < until  # a key is believed for 5 s
    assert refused.returncode == 1
    assert "401" in refused.stderr


def test_the_first_key_stands_for_a_person(running: Any) -> None:
    names = {key["role"]: key["name"] for key in running.ask("keys", "list") if key["name"] != "grace"}
    assert names["host"] == "agent-host"
    assert names["admin"] not in ("", "first-admin")


def test_50_mb_go_and_come_back_without_being_held_in_memory(running: Any, tmp_path: Path) -> None:
    block = hashlib.sha256(b"airlock").digest() * 3125
    with (tmp_path / "large.bin").open("wb") as file:
        for _ in range(FIFTY_MEGABYTES // len(block)):
            file.write(block)
    put, put_peak = measured(running, "artifacts", "put", str(tmp_path / "large.bin"), "--json")
    assert json.loads(put)["size"] == FIFTY_MEGABYTES
    back = str(tmp_path / "back.bin")
    _, get_peak = measured(running, "artifacts", "get", json.loads(put)["artifact"], "-o", back)
    assert (tmp_path / "back.bin").read_bytes() == (tmp_path / "large.bin").read_bytes()
    _, idle_peak = measured(running, "artifacts", "--help")
    assert max(put_peak, get_peak) < idle_peak + FIFTY_MEGABYTES


def test_a_folder_becomes_a_workspace_and_its_links_are_named(running: Any, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print()")
    (tmp_path / "leak").symlink_to("/etc/passwd")
    put = running.airlock("artifacts", "put", str(tmp_path), "--json")
    assert json.loads(put.stdout)["media_type"] == "application/x-tar"
    assert "left out leak" in put.stderr


def test_what_was_put_is_listed_and_goes_into_a_pipe(running: Any, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("for a pipe\n")
    put = running.airlock(
        "artifacts", "put", str(tmp_path / "note.txt"), "--media-type", "Text/Plain; charset=utf-8"
    )
    digest = put.stdout.strip()
    (newest,) = running.ask("artifacts", "list", "--limit", "1")
    assert (newest["artifact"], newest["size"], newest["media_type"]) == (digest, 11, "text/plain")
    assert digest in running.airlock("artifacts", "list").stdout
    assert running.airlock("artifacts", "get", digest).stdout == "for a pipe\n"
    refused = running.airlock("artifacts", "get", digest, "--json")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "name a file: -o FILE" in refused.stderr


def test_an_artifact_that_is_not_there_leaves_no_file(running: Any, tmp_path: Path) -> None:
    assert running.airlock("artifacts", "get", "0" * 64).stdout == ""
    got = running.airlock("artifacts", "get", "0" * 64, "-o", str(tmp_path / "x"))
    assert got.returncode == 1
    assert "404" in got.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_problem_of_a_workflow_is_told_with_its_place(running: Any, tmp_path: Path) -> None:
    (tmp_path / "round.yaml").write_text(CYCLE)
    applied = running.airlock("workflows", "apply", str(tmp_path / "round.yaml"))
    assert applied.returncode == 1
    assert applied.stdout == ""
    assert "[workflow.cycle]" in applied.stderr or "cycle" in applied.stderr
    assert "422 workflow.invalid" in applied.stderr
    assert "Traceback" not in applied.stderr


def test_a_run_of_an_unknown_workflow_is_one_clear_answer(running: Any) -> None:
    run = running.airlock("run", "nobody-knows-it")
    assert run.returncode == 1
    assert "404" in run.stderr


def test_a_wrong_key_is_told_and_doctor_says_how_to_mend_it(running: Any, tmp_path: Path) -> None:
    (tmp_path / "wrong.key").write_text("airlock_nonsense")
    options = {"AIRLOCK_KEY_FILE": str(tmp_path / "wrong.key")}
    doctor = running.airlock("doctor", "--json", more=options)
    assert doctor.returncode == 1
    key = next(finding for finding in json.loads(doctor.stdout) if finding["part"] == "key")
    assert (key["verdict"], "keys create" in key["mend"]) == ("WRONG", True)


def test_doctor_looks_at_every_part_and_misses_the_host(running: Any) -> None:
    doctor = running.airlock("doctor", "--json")
    assert doctor.returncode == 1
    verdicts = {finding["part"]: finding["verdict"] for finding in json.loads(doctor.stdout)}
    well = {name for name, verdict in verdicts.items() if verdict == "OK"}
    assert well >= {"Airlock", "data folder", "processes", "Docker Engine", "REST", "Postgres", "NATS", "key"}
    assert verdicts["hosts"] == "WRONG"


def test_the_agents_need_a_host_and_the_answer_says_so(running: Any, tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(
        "{name: nobody, version: 1.0.0, type: SCRIPT, image: none, "
        "actions: {do: {input_schema: {}, output_schema: {}}}}"
    )
    registered = running.airlock("agents", "register", str(tmp_path))
    assert registered.returncode == 1
    assert "503" in registered.stderr


def test_purge_refuses_while_it_runs_and_asks_before_it_removes(running: Any) -> None:
    assert running.airlock("purge", "--keep-images", "--yes").returncode == 1
    assert running.airlock("status").returncode == 0


def test_purge_removes_the_data_of_an_install_and_nothing_else(fresh: Any) -> None:
    up = fresh.start()
    assert fresh.airlock("down").returncode == 0
    up.communicate(timeout=60)
    unasked = fresh.airlock("purge")
    assert unasked.returncode == 3
    assert "image" not in unasked.stdout  # Airlock's own are every install's
    assert str(fresh.data) in unasked.stdout
    assert fresh.data.exists()
    assert fresh.airlock("purge", "--yes").returncode == 0
    assert list(fresh.data.parent.iterdir()) == []


def test_purge_does_not_touch_a_folder_that_is_no_install(fresh: Any) -> None:
    fresh.data.mkdir()
    (fresh.data / "thesis.txt").write_text("mine")
    assert fresh.airlock("purge", "--keep-images", "--yes").returncode == 1
    assert (fresh.data / "thesis.txt").read_text() == "mine"
