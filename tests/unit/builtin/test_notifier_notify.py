"""Notify tells the loudest first, nothing below the floor, and says what became of each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from airlock_agents.builtin.notifier.main import agent
from airlock_contracts.manifest import Manifest
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.engine.checks import check_workflow
from airlock_orchestration.engine.schemas import Validator, resolve_artifacts
from airlock_sdk.testing import Outcome, run_action

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "services" / "agents" / "airlock_agents" / "builtin" / "notifier"
ACTION = yaml.safe_load((FOLDER / "agent.yaml").read_text())["actions"]["notify"]


GOOD = {"channel": "console", "title": "x", "message": "x"}


def problems(schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    return [str(one) for one in Validator(resolve_artifacts(schema)).problems(document)]


def notify(scratch: Path, **inputs: Any) -> Outcome:
    document = {"channel": "console", **inputs}
    assert problems(ACTION["input_schema"], document) == []
    outcome = run_action(agent, "notify", document, scratch=scratch)
    if outcome.output is not None:
        assert problems(ACTION["output_schema"], outcome.output) == []
    return outcome


def test_notify_logs_the_text_and_answers_it(tmp_path: Path) -> None:
    outcome = notify(tmp_path, title="Done", message="{All} well")
    assert outcome.output is not None
    assert outcome.output["delivered"] is True
    assert outcome.output["left_out"] == []
    assert [log["message"] for log in outcome.logs] == [outcome.output["text"]]
    assert outcome.logs[0]["level"] == "info"
    assert "{All} well" in outcome.output["text"]


def test_several_are_told_the_loudest_first_each_at_its_level(tmp_path: Path) -> None:
    severities = ["LOW", "CRITICAL", "WARNING", "HIGH", "INFO"]
    messages = [{"title": f"t-{one}", "message": "m", "severity": one} for one in severities]
    outcome = notify(tmp_path, messages=messages)
    assert outcome.output is not None
    assert [one["severity"] for one in outcome.output["messages"]] == [
        "CRITICAL",
        "HIGH",
        "WARNING",
        "LOW",
        "INFO",
    ]
    assert [log["level"] for log in outcome.logs] == ["error", "error", "warning", "info", "info"]
    assert outcome.output["text"] == "\n".join(log["message"] for log in outcome.logs)


def test_below_the_floor_nothing_is_told_and_the_answer_says_so(tmp_path: Path) -> None:
    messages = [
        {"title": "quiet", "message": "m", "severity": "LOW"},
        {"title": "loud", "message": "m", "severity": "HIGH"},
    ]
    outcome = notify(tmp_path, title="top", message="m", min_severity="MEDIUM", messages=messages)
    assert outcome.output is not None
    assert outcome.output["delivered"] is True
    assert [(one["title"], one["delivered"], one["reason"]) for one in outcome.output["messages"]] == [
        ("loud", True, None),
        ("quiet", False, "LOW is below the floor MEDIUM"),
        ("top", False, "INFO is below the floor MEDIUM"),
    ]
    assert "quiet" not in outcome.output["text"]
    silent = notify(tmp_path, title="top", message="m", min_severity="CRITICAL")
    assert silent.output is not None
    assert (silent.output["delivered"], silent.output["text"]) == (False, "")
    assert [log["level"] for log in silent.logs] == ["debug"]


@pytest.mark.parametrize(
    ("floor", "severity"), [("WARNING", "MEDIUM"), ("MEDIUM", "WARNING"), ("ERROR", "HIGH")]
)
def test_the_two_scales_are_one_order(floor: str, severity: str, tmp_path: Path) -> None:
    outcome = notify(tmp_path, title="t", message="m", min_severity=floor, severity=severity)
    assert outcome.output is not None
    assert outcome.output["delivered"] is True


def test_a_template_that_fails_leaves_no_half_of_the_news(tmp_path: Path) -> None:
    messages = [
        {"title": "one", "message": "m", "severity": "HIGH"},
        {"title": "two", "template": "{scan.total} of {scan.nothing}"},
    ]
    outcome = notify(tmp_path, messages=messages, values={"scan": {"total": 3}})
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.template_failed"
    assert outcome.failure["details"] == {"place": "{scan.nothing}", "line": 1, "column": 17}
    assert outcome.logs == []


def test_a_template_below_the_floor_is_not_filled(tmp_path: Path) -> None:
    outcome = notify(tmp_path, title="t", template="{nothing}", min_severity="HIGH")
    assert outcome.output is not None
    assert outcome.output["delivered"] is False


def test_the_example_of_the_readme_fits_the_security_review() -> None:
    example = re.search(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert example is not None
    review = yaml.safe_load((ROOT / "examples" / "security-review.yaml").read_text())
    review["nodes"][-1]["inputs"] = yaml.safe_load(example[1])["inputs"]
    folders = sorted(FOLDER.parent.glob("*/agent.yaml"))
    manifests = [Manifest.model_validate(yaml.safe_load(one.read_text())) for one in folders]
    assert review["nodes"][-1]["agent"] == "notifier"
    assert check_workflow(WorkflowSpec.model_validate(review), {one.name: one for one in manifests}) == []


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"channel": "pager", "title": "x", "message": "x"}, "console"),
        ({"channel": "console", "title": "x"}, ""),
        ({"channel": "console", "message": "x"}, ""),
        ({"channel": "console", "title": "x", "message": "x", "template": "y"}, ""),
        ({"channel": "console", "title": "x", "message": "x", "severity": "LOUD"}, "LOUD"),
        ({"channel": "console", "messages": []}, ""),
        ({"channel": "console", "messages": [{"title": "x"}]}, ""),
        ({"channel": "console", "messages": [{"title": "x", "message": "m"}], "facts": {"a": 1}}, ""),
        ({**GOOD, "links": [{"text": "x", "url": "javascript:x"}]}, ""),
        ({**GOOD, "links": [{"text": "x", "url": "http://\u0430"}]}, ""),
        ({**GOOD, "tables": [{"columns": ["a b"], "rows": []}]}, ""),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_nobody_could_tell(inputs: dict[str, Any], said: str) -> None:
    found = problems(ACTION["input_schema"], inputs)
    assert found
    assert said in " ".join(found)
