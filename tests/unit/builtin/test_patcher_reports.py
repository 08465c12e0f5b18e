"""Whole reports of other agents as the patcher's input: more than their outputs list, read with care."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airlock_agents.builtin.patcher.main import agent
from airlock_agents.builtin.patcher.reports import MAX_ITEMS, read_reports
from airlock_sdk import Failure
from airlock_sdk.testing import Given, Outcome, given_workspace, run_action

FLAWED = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
FINDING = {"id": "f-1", "rule": "B506", "file": "reader.py", "line": 5, "tool": "bandit"}


def any_order(_: object) -> bool:
    return True


def propose(tmp_path: Path, *documents: Any) -> Outcome:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "reader.py").write_text(FLAWED)
    given = [
        Given(f"/reports/{number}", json.dumps(document).encode(), "application/json")
        for number, document in enumerate(documents)
    ]
    return run_action(
        agent, "propose", {}, scratch=tmp_path / "scratch", given=[given_workspace(folder), *given]
    )


def test_what_a_report_lists_is_mended_like_what_the_input_lists(tmp_path: Path) -> None:
    outcome = propose(tmp_path, {"findings": [FINDING]}, {"issues": []}, {"violations": [FINDING]})
    assert outcome.output is not None, outcome.failure
    assert "+    return yaml.safe_load(text)" in outcome.output["diff"]
    assert outcome.output["fixed"] == ["f-1"]  # told twice, mended once


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "it has none of findings, issues, violations"),
        ({"results": []}, "it has none of findings, issues, violations"),
        ({"findings": {}}, "its findings are no list"),
    ],
)
def test_what_is_no_report_fails_the_attempt_and_is_named(tmp_path: Path, document: Any, said: str) -> None:
    outcome = propose(tmp_path, {"findings": [FINDING]}, document)
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.report_unreadable"
    assert outcome.failure["message"] == f"/reports/1: {said}"


def test_text_that_is_no_json_or_too_deep_is_no_report(tmp_path: Path) -> None:
    for text in ("", "{", "[" * 100_000, '{"findings": [\xff]}'):
        path = tmp_path / "report"
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(Failure, match="it is not JSON"):
            read_reports([path], any_order)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 1},
        {"id": ""},
        {"rule": "x" * 129},
        {"file": ["reader.py"]},
        {"file": "x" * 1025},
        {"line": True},
        {"line": -1},
        {"line": 5.0},
        {"tool": 7},
        {"in_tests": "no"},
        {"replacement": "rm"},
        {"package": 7},
        {"package": "x" * 215},
        {"fixed_in": ["1.0"]},
        {"fixed_in": "1" * 65},
    ],
)
def test_an_item_of_another_form_than_the_schema_allows_is_no_item(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"findings": [FINDING | change, "f-2", None]}))
    assert read_reports([path], any_order).items["findings"] == []


def test_of_each_kind_so_many_are_taken_as_the_input_may_list_and_the_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"findings": [FINDING | {"id": f"f-{n}"} for n in range(MAX_ITEMS + 2)]}))
    found = read_reports([path, path], any_order)
    assert [one["id"] for one in found.items["findings"]] == [f"f-{n}" for n in range(MAX_ITEMS)]
    assert found.not_read == 2


def test_findings_that_no_tool_can_mend_crowd_out_none_that_one_can(tmp_path: Path) -> None:
    planted = [
        {
            "id": f"f-planted-{n}",
            "rule": "private-key",
            "file": "key.pem",
            "line": 1,
            "tool": "detect-secrets",
        }
        for n in range(MAX_ITEMS + 1)
    ]
    in_tests = [FINDING | {"id": f"f-test-{n}", "in_tests": True} for n in range(MAX_ITEMS)]
    outcome = propose(tmp_path, {"findings": [*planted, *in_tests, FINDING]})
    assert outcome.output is not None, outcome.failure
    assert outcome.output["fixed"] == ["f-1"]
    assert outcome.output["stats"] == {
        "fixed": 1,
        "unfixed": MAX_ITEMS - 1,
        "not_read": len(planted) + len(in_tests) + 1 - MAX_ITEMS,
        "files": 1,
    }
