"""A workspace that does not want to be held to rules: it is, and what cannot be looked at is a violation."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airlock_sdk.testing import Given, Outcome

ROOT_IMAGE = "FROM alpine:latest\n"
DAY = {"date": "2026-11-20"}

Check = Callable[..., dict[str, Any]]


@pytest.fixture
def check(run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]]) -> Check:
    def run(workspace: Path, **inputs: Any) -> dict[str, Any]:
        outcome = run_agent("compliance-checker", "check", {**DAY, **inputs}, workspace=workspace)
        return check_output("compliance-checker", "check", outcome)

    return run


def rules_of(output: dict[str, Any], file: str) -> set[str]:
    return {one["rule"] for one in output["violations"] if one["file"] == file}


def test_its_own_configuration_and_wishes_are_not_obeyed(check: Check, tmp_path: Path) -> None:
    silent = {"version": 1, "rules": {"containers.image-latest": "off", "containers.runs-as-root": "off"}}
    (tmp_path / "compliance.yaml").write_text(json.dumps(silent))
    (tmp_path / ".hadolint.yaml").write_text("ignored: [DL3007, DL3002]\n")
    (tmp_path / ".checkov.yaml").write_text("skip-check: [CKV_DOCKER_3]\n")
    (tmp_path / ".dockerignore").write_text("*\n")
    (tmp_path / "Dockerfile").write_text("# hadolint ignore=DL3007,DL3002\n" + ROOT_IMAGE)
    output = check(tmp_path, scopes=["containers"])
    assert {"containers.image-latest", "containers.runs-as-root"} <= rules_of(output, "Dockerfile")
    assert output["summary"]["suppressed"] >= 2
    assert output["policy"] == {"source": "default", "path": None, "warning": None}


def test_a_policy_of_the_workspace_counts_only_when_it_is_named_and_is_told_loudly(
    check: Check, run_agent: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text("version: 1\nrules: {containers.image-latest: off}\n")
    (tmp_path / "flow.yaml").write_text("{version: 1, rules: {containers.image-latest: off}}\n")
    (tmp_path / "Dockerfile").write_text(ROOT_IMAGE)
    for path in ("rules.yaml", "flow.yaml"):
        output = check(tmp_path, policy_path=path, scopes=["containers"])
        assert "containers.image-latest" not in rules_of(output, "Dockerfile")
        assert output["policy"]["source"] == "workspace"
        assert "whoever can change the workspace" in output["policy"]["warning"]
    for path in ("../../etc/passwd", "none.yaml"):
        outcome = run_agent("compliance-checker", "check", {**DAY, "policy_path": path}, workspace=tmp_path)
        assert outcome.failure is not None
        assert outcome.failure["code"] == "agent.policy_missing"


def test_a_policy_comes_as_an_artifact_and_its_mistakes_are_told_at_once(
    run_agent: Callable[..., Outcome], tmp_path: Path
) -> None:
    wrong = b"version: 1\nrules: {ci.action-unpined: off}\nexeptions: []\nfail_on: SEVERE\n"
    outcome = run_agent(
        "compliance-checker",
        "check",
        DAY,
        workspace=tmp_path,
        given=[Given("/policy_file", wrong, "application/yaml")],
    )
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.policy_invalid"
    problems = "\n".join(outcome.failure["details"]["problems"])
    assert "did you mean ci.action-unpinned?" in problems
    assert "did you mean exceptions?" in problems
    assert "fail_on" in problems


def test_files_made_to_break_the_checks_are_violations_or_named_and_the_others_are_looked_at(
    check: Check, tmp_path: Path
) -> None:
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    levels = (f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in pairwise("abcdefghijkl"))
    (workflows / "bomb.yml").write_text("a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(levels))
    (workflows / "self.yml").write_text("jobs: &a {x: *a}\n")
    (workflows / "deep.yml").write_text("[" * 50_000)
    (workflows / "plain.yml").write_text("- just\n- a list\n---\n~\n")
    (workflows / "types.yml").write_text(
        "on: {push: 3}\njobs: {a: [1], b: {steps: {x: 1}, 'runs-on': {a: b}}}\n"
    )
    (tmp_path / "docker-compose.yml").write_text("services:\n  a: {image: x\n")
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / "deploy.yaml").write_text(
        "apiVersion: v1\nkind: Pod\n{{- if .Values.on }}\n spec: {{ x }}\n{{ end }}\n"
    )
    (tmp_path / "Dockerfile.long").write_text("RUN " + "curl curl " * 40_000 + "\n" + ROOT_IMAGE)
    (tmp_path / "Dockerfile.open").write_text('FROM alpine:3.20\nRUN echo "<<EOF"\nUSER root\n')
    (tmp_path / "package.json").write_text("[" * 100_000)
    (tmp_path / "pyproject.toml").write_text("[project]\nlicense = " + "[" * 50_000)
    (tmp_path / "settings.py").write_text("ALLOWED_HOSTS = " + "(" * 50_000)
    (tmp_path / "line\nbreak.env").write_text("API_TOKEN=Zq8rT2wXn5LbVc7K\n")
    (tmp_path / "nginx.conf").write_text("server {\n" * 30_000)
    (tmp_path / "many.conf").write_text("server { listen 80; root /a; }\n" * 25_000)
    (tmp_path / "Dockerfile.docs").write_text("RUN <<A <<B <<C\n" * 50_000)
    (tmp_path / "good.Dockerfile").write_text(ROOT_IMAGE)
    output = check(tmp_path, scopes=["licences", "files", "headers", "containers", "ci"])
    for file in ("bomb.yml", "self.yml", "deep.yml"):
        assert "files.unreadable" in rules_of(output, f".github/workflows/{file}"), file
    assert "files.unreadable" in rules_of(output, "docker-compose.yml")
    assert "containers.image-latest" in rules_of(output, "good.Dockerfile")
    assert "containers.image-latest" in rules_of(output, "Dockerfile.long")
    assert "containers.runs-as-root" in rules_of(output, "Dockerfile.open")
    assert "files.environment-file" in rules_of(output, "line\\nbreak.env")
    skipped = {one["file"] for one in output["skipped"]}
    assert {"chart/deploy.yaml", "package.json", "pyproject.toml", "settings.py"} <= skipped
    assert not {"many.conf", "Dockerfile.docs"} & skipped  # long, and quick all the same
    assert output["passed"] is False


def test_a_password_in_a_document_is_less_sure_than_one_in_a_setting(check: Check, tmp_path: Path) -> None:
    line = "amqp://worker:tulip7orbit92@broker.lindenhof.dev/\n"
    for name in ("guide.rst", "broker.conf"):
        (tmp_path / name).write_text("url = " + line)
    output = check(tmp_path, scopes=["secrets"])
    assert {one["file"]: one["severity"] for one in output["violations"]} == {
        "guide.rst": "LOW",
        "broker.conf": "HIGH",
    }


def test_a_secret_far_behind_in_a_line_is_seen(check: Check, tmp_path: Path) -> None:
    bundle = "var a=1;" * 2_000 + "-----BEGIN RSA PRIVATE KEY-----"
    (tmp_path / "bundle.min.js").write_text(bundle + "\n")
    output = check(tmp_path, scopes=["secrets"], strict=False)
    assert rules_of(output, "bundle.min.js") == {"secrets.private-key"}
    assert output["passed"] is False


def test_no_padding_and_no_name_hides_a_secret(check: Check, tmp_path: Path) -> None:
    key = (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAzq8rt2wxn5lbvc7kdpf3hjzq8rt2wxn5lbvc7kdpf3hjzq8r\n"
    )
    comments = "# padding\n" * 130_000
    files = {
        "comments.py": comments + key,
        "huge.txt": "and the key to the house\n" * 400_000 + key,
        "long-lines.txt": ("x=1;" * 1_260 + "\n") * 206 + key,
        "package-lock.json": '{"packages": {}}\n' + key,
        "run": "# " + "\0\1\2" * 60 + "\n" + key,
        ".svn/run.sh": key,
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    output = check(tmp_path, scopes=["secrets"])
    assert {one["file"] for one in output["violations"] if one["severity"] == "CRITICAL"} == files.keys()
    assert {one["file"] for one in output["skipped"]} == {"comments.py", "huge.txt", "run"}
    assert output["passed"] is False


def test_an_empty_workspace_is_told_what_it_lacks_and_nothing_else(check: Check, tmp_path: Path) -> None:
    output = check(tmp_path)
    assert {one["scope"] for one in output["violations"]} == {"licences", "files"}
    reasons = {one["id"]: one["reason"] for one in output["rules_applied"]}
    assert reasons["containers.sudo"] == "there is no Dockerfile"


def test_twenty_thousand_violations_are_counted_and_cut(check: Check, tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number}.Dockerfile").write_text(
            "FROM alpine:3.20\nUSER 1\n" + "RUN sudo true && chmod 777 /x\n" * 100
        )
    output = check(tmp_path, scopes=["containers", "files"])
    assert output["summary"]["total"] >= 20_000
    assert (len(output["violations"]), output["truncated"]) == (200, True)
