"""From findings to a patched workspace and back, each step in its own container."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airlock_sdk.testing import Given, Outcome, given_workspace
from airlock_sdk.workspace import unpack

STOREFRONT = Path(__file__).parents[3] / "examples" / "storefront"

LINK = "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n"

RunAgent = Callable[..., Outcome]
CheckOutput = Callable[..., dict[str, Any]]


def by_rule(findings: list[dict[str, Any]]) -> Counter[str]:
    return Counter(one["rule"] for one in findings)


def bound(proposed: dict[str, Any]) -> dict[str, Any]:
    return {key: proposed[key] for key in ("diff", "diff_sha256", "workspace_digest")}


def meant(diff: str, workspace: Given) -> dict[str, str]:
    digest = hashlib.sha256(diff.encode()).hexdigest()
    return {"diff": diff, "diff_sha256": digest, "workspace_digest": workspace.reference["artifact"]}


def test_what_is_proposed_applies_mends_and_can_be_taken_back(
    run_agent: RunAgent, check_output: CheckOutput, tmp_path: Path, tell_figure: Callable[[str], None]
) -> None:
    scan = run_agent("security-scanner", "scan", {}, workspace=STOREFRONT).output
    assert scan is not None
    inputs = {"findings": scan["findings"]}
    proposed = check_output(
        "patcher", "propose", run_agent("patcher", "propose", inputs, workspace=STOREFRONT)
    )
    assert sorted([*proposed["fixed"], *(one["id"] for one in proposed["unfixed"])]) == sorted(
        one["id"] for one in scan["findings"]
    )
    tree = tmp_path / "tree"
    unpack(io.BytesIO(given_workspace(STOREFRONT).content), tree)
    check = ["git", "apply", "--check", "-"]
    subprocess.run(check, cwd=tree, input=proposed["diff"].encode(), check=True)

    outcome = run_agent("patcher", "apply", bound(proposed), workspace=STOREFRONT)
    applied = check_output("patcher", "apply", outcome)
    assert applied["files_changed"] == proposed["files_changed"]
    patched = Given("/workspace", outcome.artifact(applied["workspace"]), "application/x-tar")

    again = run_agent("security-scanner", "scan", {}, given=[patched]).output
    assert again is not None
    before, after = by_rule(scan["findings"]), by_rule(again["findings"])
    changed = ", ".join(
        f"{rule} {before[rule]} to {after[rule]}" for rule in sorted(before) if before[rule] != after[rule]
    )
    totals = f"{scan['summary']['total']} findings before, {again['summary']['total']} after"
    tell_figure(f"security-scanner on the storefront that patcher mended: {totals}; by rule: {changed}")
    assert again["summary"]["total"] == scan["summary"]["total"] - len(proposed["fixed"])
    assert {one["id"] for one in again["findings"]} & set(proposed["fixed"]) == set()
    places = [{(one["rule"], one["file"]) for one in answer["findings"]} for answer in (again, scan)]
    assert places[0] < places[1]
    patched_tree = tmp_path / "patched"
    unpack(io.BytesIO(patched.content), patched_tree)
    for file in proposed["files_changed"]:
        if file.endswith(".py"):
            compile((patched_tree / file).read_bytes(), file, "exec")

    rollback = meant(applied["rollback_diff"], patched)
    assert rollback["diff_sha256"] == applied["rollback_sha256"]
    back = run_agent("patcher", "apply", rollback, given=[patched])
    assert check_output("patcher", "apply", back)["workspace"] == given_workspace(STOREFRONT).reference


REVIEWED = '''"""Counts orders."""

import os
import sys


def count(orders=None):
    if orders == None:
        orders = []
    if not "x" in orders:
        print(f"none", file=sys.stderr)
    return len(orders)
'''


def test_what_a_reviewer_is_sure_of_is_mended_and_no_longer_said(
    run_agent: RunAgent, check_output: CheckOutput, tmp_path: Path
) -> None:
    (tmp_path / "orders.py").write_text(REVIEWED)
    review = run_agent("code-reviewer", "review", {}, workspace=tmp_path).output
    assert review is not None
    sure = {one["id"] for one in review["issues"] if one["replacement"] is not None}
    assert sure
    inputs = {"issues": review["issues"], "kinds": ["quality"]}
    proposed = check_output("patcher", "propose", run_agent("patcher", "propose", inputs, workspace=tmp_path))
    assert set(proposed["fixed"]) == sure
    outcome = run_agent("patcher", "apply", bound(proposed), workspace=tmp_path)
    applied = check_output("patcher", "apply", outcome)
    patched = Given("/workspace", outcome.artifact(applied["workspace"]), "application/x-tar")
    again = run_agent("code-reviewer", "review", {}, given=[patched]).output
    assert again is not None
    assert {one["id"] for one in again["issues"]} == {one["id"] for one in review["issues"]} - sure


def test_proposing_twice_gives_the_same_bytes(run_agent: RunAgent) -> None:
    finding = {"id": "f-1", "rule": "B506", "file": "storefront/catalogue.py", "line": 14}
    first = run_agent("patcher", "propose", {"findings": [finding]}, workspace=STOREFRONT)
    second = run_agent("patcher", "propose", {"findings": [finding]}, workspace=STOREFRONT)
    assert first.raw_output == second.raw_output
    assert first.output is not None
    assert first.output["stats"] == {"fixed": 1, "unfixed": 0, "not_read": 0, "files": 1}


@pytest.mark.parametrize(
    ("diff", "code"),
    [
        ("--- a/../../etc/passwd\n+++ b/../../etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "agent.diff_refused"),
        (LINK, "agent.diff_refused"),
        ("--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-other\n+b\n", "agent.diff_does_not_apply"),
    ],
)
def test_a_refused_diff_is_a_failure_with_its_code(diff: str, code: str, run_agent: RunAgent) -> None:
    outcome = run_agent("patcher", "apply", meant(diff, given_workspace(STOREFRONT)), workspace=STOREFRONT)
    assert outcome.failure is not None
    assert outcome.failure["code"] == code
    assert outcome.artifacts == {}


def test_one_file_among_fifty_megabytes_of_data_is_patched_within_the_limits(
    run_agent: RunAgent, check_output: CheckOutput, tmp_path: Path
) -> None:
    for number in range(50):
        (tmp_path / f"data{number}.bin").write_bytes(bytes([number, 0, *os.urandom(1022)]) * 1024)
    (tmp_path / "app.py").write_text("import yaml\nyaml.load(x)\n")
    wished = [{"file": "app.py", "find": "yaml.load(x)", "replace": "yaml.safe_load(x)"}]
    proposed = run_agent("patcher", "propose", {"replacements": wished}, workspace=tmp_path)
    inputs = bound(check_output("patcher", "propose", proposed))
    outcome = run_agent("patcher", "apply", inputs, workspace=tmp_path)
    applied = check_output("patcher", "apply", outcome)
    (tmp_path / "app.py").write_text("import yaml\nyaml.safe_load(x)\n")
    assert applied["workspace"] == given_workspace(tmp_path).reference
