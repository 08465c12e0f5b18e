"""`airlock up` whole, with a host and the built-in agents: a review through the command line alone."""

import json
import os
import signal
import tarfile
from pathlib import Path
from typing import Any

import docker
import pytest

FLAWED = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"


def containers(engine: docker.DockerClient, install: str) -> list[Any]:
    filters: dict[str, Any] = {"label": f"airlock.install={install}"}
    found: list[Any] = engine.containers.list(all=True, filters=filters, ignore_removed=True)
    return found


@pytest.mark.timeout(180)
def test_a_review_from_up_to_down(fresh: Any, tmp_path: Path, docker_client: docker.DockerClient) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "reader.py").write_text(FLAWED)
    up = fresh.airlock("up", "--detach", "--port", "0")
    assert up.returncode == 0, up.stdout + up.stderr
    status = fresh.ask("status")
    assert set(status["parts"]) == {"up", "orchestration", "agent-host", "Postgres", "nats-server"}
    assert fresh.airlock("doctor").returncode == 0
    assert {agent["name"] for agent in fresh.ask("agents", "list")} >= {
        "security-scanner",
        "patcher",
        "notifier",
    }

    run = fresh.airlock("run", "security-review", "--workspace", str(tmp_path / "repository"))
    assert run.returncode == 5, run.stdout + run.stderr
    (approval,) = fresh.ask("approvals", "list", "--status", "pending")
    assert "yaml.safe_load" in fresh.airlock("approvals", "show", approval["id"]).stdout
    decided = fresh.airlock("approvals", "approve", approval["id"], "--payload", approval["payload_sha256"])
    assert decided.returncode == 0, decided.stderr
    watched = fresh.airlock("runs", "watch", approval["run"], "--wait")
    assert watched.returncode == 0, watched.stdout
    output = json.loads(fresh.airlock("runs", "output", approval["run"], "apply").stdout)
    got = fresh.airlock(
        "artifacts", "get", output["workspace"]["artifact"], "-o", str(tmp_path / "patched.tar")
    )
    assert got.returncode == 0, got.stderr
    with tarfile.open(tmp_path / "patched.tar") as archive:
        patched = archive.extractfile("reader.py")
        assert patched is not None
        assert b"yaml.safe_load(text)" in patched.read()

    # A host that is killed comes back and is listed once, under its name.
    os.kill(status["parts"]["agent-host"]["pid"], signal.SIGKILL)
    again = fresh.airlock("run", "security-review", "--workspace", str(tmp_path / "repository"))
    assert again.returncode == 5, again.stdout + again.stderr
    assert len(fresh.ask("hosts")) == 1

    assert fresh.airlock("down").returncode == 0
    fresh.until_nothing_runs(5)
    assert containers(docker_client, status["install"]) == []
