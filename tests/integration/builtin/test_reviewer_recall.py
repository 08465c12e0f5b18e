"""What the reviewer says of the storefront, and what it takes for an issue: measured, printed, held."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airlock_sdk.testing import Given, Outcome, given_workspace

from .recall import SHOP, Row, by_rule, line_of, measured, planted

LIST = planted("storefront.issues.yaml", "issues")

# Measured with the locked tools: all that the rules claim, and none of the lookalikes.
MIN_RECALL = 1.0
MAX_FALSE_ALARMS = 0


@pytest.fixture(scope="module")
def review(run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]]) -> Outcome:
    outcome = run_agent("code-reviewer", "review", {}, workspace=SHOP)
    check_output("code-reviewer", "review", outcome)
    return outcome


@pytest.fixture(scope="module")
def issues(review: Outcome) -> list[dict[str, Any]]:
    assert review.output is not None
    assert not review.output["truncated"]
    listed: list[dict[str, Any]] = review.output["issues"]
    return listed


def test_what_a_reviewer_should_say_is_said_and_little_else(
    issues: list[dict[str, Any]], tell_figure: Callable[[str], None]
) -> None:
    def fits(one: Row, each: Row) -> bool:
        return by_rule(one, each) and bool(each["type"] == one["type"])

    seen = measured(LIST, issues, fits=fits)
    tell_figure(seen.told("code-reviewer"))
    assert seen.recall >= MIN_RECALL
    assert len(seen.alarms) <= MAX_FALSE_ALARMS
    assert seen.unlisted == []
    assert seen.misjudged == []


def test_its_spans_say_where_the_time_went(review: Outcome) -> None:
    names = [one["name"] for one in review.spans]
    assert names == ["list files", "review files", "ruff", "write report"]
    assert {one["status"] for one in review.spans} == {"ok"}


def test_every_issue_says_what_to_do_and_none_quotes_a_secret(
    review: Outcome, issues: list[dict[str, Any]]
) -> None:
    assert all(one["suggestion"] and one["message"].count(". ") >= 1 for one in issues)
    heard = json.dumps([review.logs, review.progress, review.spans])
    said = review.raw_output.decode() + heard + review.stderr
    said += "".join(made.content.decode() for made in review.artifacts.values())
    tree = "\n".join(path.read_text() for path in (SHOP / "storefront").rglob("*.py"))
    for secret in ("kV7-tulip-orbit-92", "w4gon-Plum-77-kite", "q8Zr2LwXn5TbVc7K", "Welcome-Lindenhof-1"):
        assert secret in tree
        assert secret not in said


def test_the_metrics_name_the_worst_function(review: Outcome) -> None:
    assert review.output is not None
    metrics = review.output["metrics"]
    worst = metrics["worst"][0]
    assert (worst["file"], worst["name"], worst["complexity"]) == ("storefront/orders.py", "surcharge", 18)
    assert metrics["complexity"]["over_limit"] == 1
    assert metrics["languages"].keys() >= {"Python", "JavaScript", "Shell", "YAML"}
    assert "storefront/orders.py" in review.output["files"]


def test_the_artifacts_hold_everything_and_agree(review: Outcome, issues: list[dict[str, Any]]) -> None:
    assert review.output is not None
    report = json.loads(review.artifact(review.output["report"]))
    (run,) = json.loads(review.artifact(review.output["sarif"]))["runs"]
    assert report["issues"] == issues
    assert report["summary"] == review.output["summary"]
    ids = [one["id"] for one in issues]
    assert len(set(ids)) == len(ids)
    assert [one["partialFingerprints"]["airlockFinding/v1"] for one in run["results"]] == ids
    about = {one["id"]: one["properties"] for one in run["tool"]["driver"]["rules"]}
    assert about["B006"] == {"tags": ["quality", "ruff"]}
    assert about["secret-in-log"]["security-severity"] == "8.0"


def test_the_same_workspace_gives_the_same_output_byte_for_byte(
    review: Outcome, run_agent: Callable[..., Outcome]
) -> None:
    again = run_agent("code-reviewer", "review", {}, workspace=SHOP)
    assert again.raw_output == review.raw_output


def test_types_floor_and_paths_choose(run_agent: Callable[..., Outcome]) -> None:
    inputs = {
        "types": ["security"],
        "min_severity": "HIGH",
        "paths": ["storefront/*.py"],
        "max_complexity": 50,
    }
    output = run_agent("code-reviewer", "review", inputs, workspace=SHOP).output
    assert output is not None
    assert {one["type"] for one in output["issues"]} == {"security"}
    assert {one["severity"] for one in output["issues"]} == {"HIGH"}
    assert all(name.startswith("storefront/") for name in output["files"])
    assert output["metrics"]["complexity"]["over_limit"] == 0


def test_a_diff_chooses_lines_and_the_others_are_counted(
    run_agent: Callable[..., Outcome], issues: list[dict[str, Any]]
) -> None:
    line = line_of({"file": "storefront/orders.py", "match": "basket=[]"})
    diff = (
        f"--- a/storefront/orders.py\n+++ b/storefront/orders.py\n@@ -{line},0 +{line} @@\n+def add_item():\n"
    )
    output = run_agent("code-reviewer", "review", {"diff": diff}, workspace=SHOP).output
    assert output is not None
    assert [one["rule"] for one in output["issues"]] == ["B006"]
    assert output["files"] == ["storefront/orders.py"]
    in_file = [one for one in issues if one["file"] == "storefront/orders.py"]
    assert output["summary"]["outside_diff"] == len(in_file) - 1


def test_a_replacement_is_the_code_that_mends_it(run_agent: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\nimport sys\n\nprint(sys.argv)\n")
    given: list[Given] = [given_workspace(tmp_path)]
    output = run_agent("code-reviewer", "review", {}, given=given).output
    assert output is not None
    (one,) = output["issues"]
    assert one["replacement"] == {"start_line": 1, "end_line": 1, "text": ""}
