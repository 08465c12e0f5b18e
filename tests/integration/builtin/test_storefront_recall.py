"""What the scanner finds of the planted flaws, and what it takes for one: measured, printed, held."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airlock_sdk.testing import Outcome

from .recall import SHOP, found, measured, planted

LIST = planted("storefront.flaws.yaml")

# Measured with the locked tools: all flaws that the rules claim to see, and 5 of 47 lookalikes, each of them
# a guess of bandit's or detect-secrets' at what a name or a string is for.
MIN_RECALL = 1.0
MAX_FALSE_ALARMS = 5


@pytest.fixture(scope="module")
def scan(run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]]) -> Outcome:
    outcome = run_agent("security-scanner", "scan", {}, workspace=SHOP)
    check_output("security-scanner", "scan", outcome)
    return outcome


def test_the_planted_flaws_are_found_and_false_alarms_are_few(
    scan: Outcome, tell_figure: Callable[[str], None]
) -> None:
    assert scan.output is not None
    seen = measured(LIST, scan.output["findings"])
    tell_figure(seen.told("security-scanner"))
    assert seen.recall >= MIN_RECALL
    assert len(seen.alarms) <= MAX_FALSE_ALARMS
    assert seen.unlisted == []
    assert seen.misjudged == []


def test_what_the_code_wants_overlooked_is_found_and_marked(scan: Outcome) -> None:
    assert scan.output is not None
    findings = scan.output["findings"]
    for one in LIST.claimed:
        marks = {f["suppressed"] for f in found(one, findings) if f["rule"] in one["rules"]}
        if marks:
            assert marks == {one.get("suppressed", False)}, one
    assert scan.output["summary"]["suppressed"] == 3


def test_no_secret_stands_in_anything_that_was_said(scan: Outcome) -> None:
    values = [
        "kV7-tulip-orbit-92-harbour",
        "w4gon-Plum-77-kite",
        "q8Zr2LwXn5TbVc7KdPfHj3MsYgA6uE9o",
        "Lx93kPq7Rv2TzB5nMw8YcJ4dHs6GfA1e",
        "Welcome-Lindenhof-1",
        "clerk-Oolong-4711",
        "Darjeeling-2nd-Flush-88",
        "t9Xw2Kq7Lr4VbN8sZj5HdYc3MgPf6A1u",
        "only-for-this-test",
    ]
    said = [scan.raw_output.decode(), scan.stderr, json.dumps([scan.logs, scan.progress, scan.spans])]
    said += [made.content.decode() for made in scan.artifacts.values()]
    tree = "\n".join(path.read_text() for path in SHOP.rglob("*") if path.is_file())
    for value in values:
        assert value in tree
        assert not any(value in text for text in said)


def test_the_artifacts_hold_everything_and_agree(scan: Outcome) -> None:
    assert scan.output is not None
    report = json.loads(scan.artifact(scan.output["report"]))
    log = json.loads(scan.artifact(scan.output["sarif"]))
    ids = [one["id"] for one in report["findings"]]
    assert len(set(ids)) == len(ids) == scan.output["summary"]["total"]
    (sarif_run,) = log["runs"]
    assert [one["partialFingerprints"]["airlockFinding/v1"] for one in sarif_run["results"]] == ids
    assert log["version"] == "2.1.0"
    assert sum("suppressions" in one for one in sarif_run["results"]) == 3


def test_the_same_workspace_gives_the_same_output_byte_for_byte(
    scan: Outcome, run_agent: Callable[..., Outcome]
) -> None:
    again = run_agent("security-scanner", "scan", {}, workspace=SHOP)
    assert again.raw_output == scan.raw_output


def test_its_spans_say_where_the_time_went(scan: Outcome) -> None:
    assert scan.output is not None
    assert [one["name"] for one in scan.spans] == [
        "list files",
        "inspect files",
        "match dependencies",
        "write report",
    ]
    inspecting, matching = scan.spans[1]["attributes"], scan.spans[2]["attributes"]
    tools = {"detect-secrets", "bandit", "own_rules", "dependencies"}
    assert {name for name in inspecting if name.startswith("seconds.")} == {f"seconds.{one}" for one in tools}
    assert inspecting["findings"] + matching["findings"] == scan.output["summary"]["total"]


def test_types_and_floor_choose(run_agent: Callable[..., Outcome]) -> None:
    inputs = {"scan_types": ["secrets"], "min_severity": "HIGH"}
    outcome = run_agent("security-scanner", "scan", inputs, workspace=SHOP)
    assert outcome.output is not None
    assert {one["tool"] for one in outcome.output["findings"]} == {"detect-secrets"}
    assert {one["severity"] for one in outcome.output["findings"]} == {"CRITICAL", "HIGH"}
