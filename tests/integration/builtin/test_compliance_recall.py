"""What the checker finds of the planted violations, and what it takes for one: measured, printed, held."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airlock_sdk.testing import Outcome

from .recall import SHOP, found, measured, planted

LIST = planted("storefront.violations.yaml")
DAY = {"date": "2026-11-20"}

# Measured with the locked tools: all 51 that the rules claim to see. The alarms are detect-secrets':
# an alphabet, a form field's name, a commit, a test's password.
MIN_RECALL = 1.0
MAX_FALSE_ALARMS = 4


@pytest.fixture(scope="module")
def check(run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]]) -> Outcome:
    outcome = run_agent("compliance-checker", "check", DAY, workspace=SHOP)
    check_output("compliance-checker", "check", outcome)
    return outcome


def test_the_planted_violations_are_found_and_false_alarms_are_few(
    check: Outcome, tell_figure: Callable[[str], None]
) -> None:
    assert check.output is not None
    seen = measured(LIST, check.output["violations"])
    tell_figure(seen.told("compliance-checker"))
    assert seen.recall >= MIN_RECALL
    assert len(seen.alarms) <= MAX_FALSE_ALARMS
    assert seen.unlisted == []
    assert seen.misjudged == []


def test_wishes_to_look_away_are_those_that_are_listed(check: Outcome) -> None:
    assert check.output is not None
    for one in LIST.claimed:
        there = [v for v in found(one, check.output["violations"]) if v["rule"] in one["rules"]]
        if there:
            assert {v["suppressed"] for v in there} == {one.get("suppressed", False)}, one


def test_every_rule_is_listed_with_what_it_looked_at(check: Outcome) -> None:
    assert check.output is not None
    rules = {one["id"]: one for one in check.output["rules_applied"]}
    assert rules["containers.privileged"]["checked"] == 2
    assert rules["ci.action-unpinned"]["violations"] == 3
    assert rules["ci.secret-printed"]["applied"]
    assert rules["files.required-missing"]["reason"] == "the policy requires no files"
    assert sum(one["violations"] for one in rules.values()) == check.output["summary"]["total"]


def test_licences_are_counted_by_id(check: Outcome) -> None:
    assert check.output is not None
    licences = check.output["licences"]
    assert licences["project"] == ["LicenseRef-Proprietary"]
    assert licences["dependencies_total"] == 7
    assert licences["unknown"]["dependencies"] == 1
    rows = {one["id"]: one["dependencies"] for one in licences["by_id"]}
    assert rows["AGPL-3.0-only"] == rows["GPL-3.0-only"] == rows["BSD-3-Clause"] == 1


def test_no_secret_stands_in_anything_that_was_said(check: Outcome) -> None:
    said = [check.raw_output.decode(), check.stderr, json.dumps(check.logs), json.dumps(check.progress)]
    said += [made.content.decode() for made in check.artifacts.values()]
    tree = "\n".join(path.read_text() for path in SHOP.rglob("*") if path.is_file())
    for value in (
        "kV7-tulip-orbit-92-harbour",
        "Darjeeling-2nd-Flush-88",
        "t9Xw2Kq7Lr4VbN8sZj5HdYc3MgPf6A1u",
    ):
        assert value in tree
        assert not any(value in text for text in said)


def test_the_artifacts_hold_everything_and_agree(check: Outcome) -> None:
    assert check.output is not None
    report = json.loads(check.artifact(check.output["report"]))
    (run,) = json.loads(check.artifact(check.output["sarif"]))["runs"]
    ids = [one["id"] for one in report["violations"]]
    assert len(set(ids)) == len(ids) == check.output["summary"]["total"]
    assert [one["partialFingerprints"]["airlockFinding/v1"] for one in run["results"]] == ids
    about = {one["id"]: one["properties"] for one in run["tool"]["driver"]["rules"]}
    assert about["files.changelog-missing"] == {"tags": ["files", "airlock"]}
    assert about["containers.privileged"] == {"tags": ["security", "airlock"], "security-severity": "9.5"}
    places = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]]
    assert all(places)


def test_the_same_workspace_gives_the_same_output_byte_for_byte(
    check: Outcome, run_agent: Callable[..., Outcome]
) -> None:
    again = run_agent("compliance-checker", "check", DAY, workspace=SHOP)
    assert again.raw_output == check.raw_output


def test_a_policy_chooses_rules_severities_and_exceptions(run_agent: Callable[..., Outcome]) -> None:
    policy = {
        "version": 1,
        "scopes": ["containers"],
        "rules": {"containers.limits-missing": "off", "containers.apt-recommends": "HIGH"},
        "exceptions": [
            {
                "rule": "containers.privileged",
                "paths": ["deploy/**"],
                "reason": "a drill",
                "expires": "2026-12-31",
            },
            {"rule": "containers.engine-socket", "paths": ["**"], "reason": "was", "expires": "2026-11-19"},
            {"rule": "containers.sudo", "paths": ["**"], "reason": "none is there"},
        ],
    }
    output = run_agent("compliance-checker", "check", {**DAY, "policy": policy}, workspace=SHOP).output
    assert output is not None
    violations = {one["rule"]: one for one in output["violations"]}
    assert {one["scope"] for one in output["violations"]} == {"containers"}
    assert "containers.limits-missing" not in violations
    assert violations["containers.apt-recommends"]["severity"] == "HIGH"
    assert violations["containers.privileged"]["excepted"]
    assert not violations["containers.engine-socket"]["excepted"]
    assert [one["status"] for one in output["exceptions_used"]] == ["used", "expired", "unused"]
    assert output["passed"] is False
    assert output["policy"]["source"] == "input"


def test_strict_fails_the_action_after_its_artifacts_were_put(run_agent: Callable[..., Outcome]) -> None:
    policy = {"version": 1, "fail_on": "CRITICAL"}
    inputs = {**DAY, "scopes": ["headers"], "policy": policy}
    lenient = run_agent("compliance-checker", "check", inputs, workspace=SHOP)
    assert lenient.output is not None
    assert lenient.output["passed"] is True
    outcome = run_agent("compliance-checker", "check", {**inputs, "strict": True}, workspace=SHOP)
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.compliance.violations"
    details = outcome.failure["details"]
    assert sum(details["by_severity"].values()) == lenient.output["summary"]["total"]
    assert json.loads(outcome.artifact(details["report"]))["passed"] is False
