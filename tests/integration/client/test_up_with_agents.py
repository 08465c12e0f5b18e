"""`airlock up` whole, with a host and the built-in agents: a review through the command line alone."""

import json
import os
import signal
import subprocess
import tarfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import docker

FLAWED = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
AGENTS = {"security-scanner", "code-reviewer", "compliance-checker", "patcher", "notifier"}
WORKFLOWS = {"security-review", "scan-and-notify", "full-analysis", "approval-only"}


def containers(engine: docker.DockerClient, install: str) -> list[Any]:
    filters: dict[str, Any] = {"label": f"airlock.install={install}"}
    found: list[Any] = engine.containers.list(all=True, filters=filters, ignore_removed=True)
    return found


def test_a_review_from_up_to_down(fresh: Any, tmp_path: Path, docker_client: docker.DockerClient) -> None:
    _write_repository(tmp_path / "repository")
    up = fresh.airlock("up", "--detach", "--port", "0")
    assert up.returncode == 0, up.stdout + up.stderr
    status = fresh.ask("status")
    assert set(status["parts"]) == {"up", "orchestration", "agent-host", "Postgres", "nats-server"}
    assert fresh.airlock("doctor").returncode == 0
    agents = fresh.ask("agents", "list")
    assert {agent["name"] for agent in agents} >= AGENTS
    for agent in agents:  # by the name of one content: another checkout's build takes over `latest`
        image = docker_client.images.get(agent["manifest"]["image"])
        assert agent["manifest"]["image"].partition(":")[2] == image.labels["airlock.content"][:12]
        assert agent["image_digest"] == image.id
    assert {workflow["name"] for workflow in fresh.ask("workflows", "list")} >= WORKFLOWS

    run = fresh.airlock("run", "security-review", "--workspace", str(tmp_path / "repository"))
    assert run.returncode == 5, run.stdout + run.stderr
    assert (
        "left out 1 file that .gitignore names and git does not track: made.py; --with-ignored" in run.stderr
    )
    (approval,) = fresh.ask("approvals", "list", "--status", "pending")
    shown = fresh.airlock("approvals", "show", approval["id"]).stdout
    assert "yaml.safe_load" in shown
    assert "Not looked at, or not wholly: 1 of scan, " in shown
    assert "diff: the preview above from its line " in shown
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

    _side_by_side(fresh.ask("runs", "show", approval["run"]), ["review", "comply"])
    found = {one["node"]: one for one in fresh.ask("runs", "findings", approval["run"])}
    assert found.keys() == {"scan", "review", "comply"}
    assert [one["files"] for one in found.values()] == [2, 2, 2]  # reader.py, and what would have it hidden
    assert [one["file"] for one in found["scan"]["skipped"]] == ["logo.png"]
    assert "UNSEEN    logo.png" in fresh.airlock("runs", "findings", approval["run"]).stdout
    notice = json.loads(fresh.airlock("runs", "output", approval["run"], "notify").stdout)["text"]
    assert "not looked at, or not wholly" in notice

    # The other workflows that ship.
    told = fresh.ask("run", "scan-and-notify", "--workspace", str(tmp_path / "repository"), "--wait")
    assert told["status"] == "SUCCESS", told
    whole = fresh.ask("run", "full-analysis", "--workspace", str(tmp_path / "repository"), "--wait")
    assert whole["status"] == "SUCCESS", whole
    for run_id, node in ((told["id"], "notify"), (whole["id"], "report")):
        notice = json.loads(fresh.airlock("runs", "output", run_id, node).stdout)["text"]
        assert "not looked at, or not wholly" in notice
    _side_by_side(whole, ["secrets", "flaws", "review", "comply"])
    asked = fresh.airlock("run", "approval-only", "--set", "question=May it go out?")
    assert asked.returncode == 5, asked.stdout + asked.stderr
    (question,) = fresh.ask("approvals", "list", "--status", "pending")
    refused = fresh.airlock("approvals", "reject", question["id"], "--payload", question["payload_sha256"])
    assert refused.returncode == 0, refused.stderr
    assert fresh.airlock("runs", "watch", question["run"]).returncode == 2

    # A host that is killed comes back and is listed once, under its name.
    os.kill(status["parts"]["agent-host"]["pid"], signal.SIGKILL)
    again = fresh.airlock("run", "security-review", "--workspace", str(tmp_path / "repository"))
    assert again.returncode == 5, again.stdout + again.stderr
    assert len(fresh.ask("hosts")) == 1

    assert fresh.airlock("down").returncode == 0
    fresh.until_nothing_runs(5)
    assert containers(docker_client, status["install"]) == []


def _write_repository(folder: Path) -> None:
    """A repository that names its own flaw in its `.gitignore`, and commits it all the same."""
    folder.mkdir()
    (folder / "reader.py").write_text(FLAWED)
    (folder / "made.py").write_text("left = 1\n")
    (folder / ".gitignore").write_text("*.py\n")
    (folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(4000))
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "--force", "reader.py", ".gitignore", "logo.png"], check=True)


def _side_by_side(run: dict[str, Any], nodes: list[str]) -> None:
    """All of these nodes had their sandboxes at one and the same time."""
    attempts = [node["attempts"][-1] for node in run["nodes"] if node["id"] in nodes]
    assert len(attempts) == len(nodes)
    ended = [datetime.fromisoformat(one["finished_at"]) for one in attempts]
    took = [one["usage"]["start_ms"] + one["usage"]["run_ms"] for one in attempts]
    began = [end - timedelta(milliseconds=ms) for end, ms in zip(ended, took, strict=True)]
    assert max(began) < min(ended)
