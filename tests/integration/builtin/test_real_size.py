"""A tenth of the tree of real size, before four agents: what is planted in it is what they count.

The whole of it goes through `security-review` on a real host by `make real-size`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airlock_sdk.testing import Given, Outcome

from .real_size import Tree, make

RunAgent = Callable[..., Outcome]
CheckOutput = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return make(tmp_path_factory.mktemp("tree"), tenths=1)


@pytest.fixture(scope="module")
def scan(tree: Tree, run_agent: RunAgent) -> Outcome:
    return run_agent("security-scanner", "scan", {}, workspace=tree.root, timeout=500.0)


def test_the_scanner_counts_every_flaw_of_every_type_and_no_other(
    tree: Tree, scan: Outcome, check_output: CheckOutput
) -> None:
    output = check_output("security-scanner", "scan", scan)
    assert output["summary"]["by_type"] == tree.for_scanner
    assert (output["files_scanned"], output["skipped_total"]) == (tree.files, 0)
    assert (len(output["findings"]), output["truncated"], output["report_truncated"]) == (200, True, False)


def test_the_reviewer_counts_every_issue_and_no_other(
    tree: Tree, run_agent: RunAgent, check_output: CheckOutput
) -> None:
    outcome = run_agent("code-reviewer", "review", {}, workspace=tree.root, timeout=500.0)
    output = check_output("code-reviewer", "review", outcome)
    assert output["summary"]["by_type"] == {
        "quality": tree.planted["quality"],
        "security": 0,
        "performance": 0,
    }
    assert output["files_reviewed"] == tree.files


def test_the_checker_counts_every_secret_and_every_dockerfile(
    tree: Tree, run_agent: RunAgent, check_output: CheckOutput
) -> None:
    inputs = {"date": "2026-11-20", "scopes": ["secrets", "containers"]}
    outcome = run_agent("compliance-checker", "check", inputs, workspace=tree.root, timeout=500.0)
    output = check_output("compliance-checker", "check", outcome)
    counts = output["summary"]["by_scope"]
    assert counts["secrets"] == tree.planted["secrets"]
    assert counts["containers"] == 4 * tree.dockerfiles


def test_the_patcher_mends_from_the_whole_report_what_it_can_and_applies_it(
    tree: Tree, scan: Outcome, run_agent: RunAgent, check_output: CheckOutput
) -> None:
    assert scan.output is not None
    report = Given("/reports/0", scan.artifact(scan.output["report"]), "application/json")
    outcome = run_agent("patcher", "propose", {}, workspace=tree.root, given=[report], timeout=500.0)
    proposed = check_output("patcher", "propose", outcome)
    assert proposed["stats"]["fixed"] == tree.mendable
    inputs = {key: proposed[key] for key in ("diff", "diff_sha256", "workspace_digest")}
    outcome = run_agent("patcher", "apply", inputs, workspace=tree.root, timeout=500.0)
    applied = check_output("patcher", "apply", outcome)
    assert applied["files_changed_total"] == proposed["stats"]["files"]


def test_the_tree_is_the_same_each_time(tree: Tree, tmp_path: Path) -> None:
    again = make(tmp_path, tenths=1)
    assert (again.files, again.size, again.planted) == (tree.files, tree.size, tree.planted)
    for path in tree.root.rglob("*.py"):
        assert path.read_bytes() == (again.root / path.relative_to(tree.root)).read_bytes()
