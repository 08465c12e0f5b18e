"""The built-in agents are well-formed for everybody who reads them, and the example workflow fits them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from airlock_contracts.manifest import Manifest
from airlock_contracts.statuses import RiskLevel
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.engine.checks import check_workflow
from airlock_orchestration.engine.schemas import check_schema
from airlock_orchestration.engine.templates import Template

ROOT = Path(__file__).parents[3]
BUILTIN = ROOT / "services" / "agents" / "airlock_agents" / "builtin"
FOLDERS = ["code_reviewer", "compliance_checker", "notifier", "patcher", "probe", "security_scanner"]
WORKFLOWS = ["alert-notification", "approval-only", "full-analysis", "scan-and-notify", "security-review"]


def manifest(folder: str) -> Manifest:
    return Manifest.model_validate(yaml.safe_load((BUILTIN / folder / "agent.yaml").read_text()))


def agents() -> dict[str, Manifest]:
    return {one.name: one for one in map(manifest, FOLDERS)}


def shipped(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "examples" / f"{name}.yaml").read_text())
    return document


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_manifest_is_valid_with_all_its_schemas(folder: str) -> None:
    read = manifest(folder)
    assert read.name == folder.replace("_", "-")
    assert read.image == f"airlock-agent-{read.name}"
    assert list(read.command) == ["python3", "-m", f"builtin.{folder}.main"]
    for name, action in read.actions.items():
        assert check_schema(action.input_schema, name) == []
        assert check_schema(action.output_schema, name) == []
        assert action.input_schema["additionalProperties"] is False
        assert action.output_schema["additionalProperties"] is False


def test_only_applying_a_patch_waits_for_a_person() -> None:
    gated = {
        (name, action)
        for name, read in agents().items()
        for action in read.actions
        if read.risk_of(action) is RiskLevel.APPROVAL_REQUIRED
    }
    assert gated == {("patcher", "apply")}


@pytest.mark.parametrize("folder", FOLDERS)
def test_requirements_are_pinned_by_hash_and_name_no_address(folder: str) -> None:
    text = (BUILTIN / folder / "requirements.txt").read_text()
    assert "://" not in text
    assert "--index-url" not in text
    blocks = re.split(r"\n(?=[a-z0-9])", "\n".join(line for line in text.splitlines() if "#" not in line))
    for block in filter(str.strip, blocks):
        assert re.match(r"[a-z0-9.\-_]+==\S+", block), block
        assert "--hash=sha256:" in block


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_shipped_workflow_has_nothing_to_complain_of(name: str) -> None:
    document = shipped(name)
    assert document["name"] == name
    assert check_workflow(WorkflowSpec.model_validate(document), agents()) == []


NOTHING = {"CRITICAL": 0, "HIGH": 0, "MEDIUM": 3, "LOW": 0}


@pytest.mark.parametrize(
    ("secrets", "flaws", "passed", "said"),
    [
        ({}, {}, True, "INFO"),
        ({}, {}, False, "WARNING"),
        ({}, {"HIGH": 1}, True, "HIGH"),
        ({"HIGH": 1}, {}, False, "HIGH"),
        ({"CRITICAL": 1}, {"HIGH": 1}, True, "CRITICAL"),
    ],
)
def test_a_full_analysis_is_as_loud_as_the_loudest_that_was_found(
    secrets: dict[str, int], flaws: dict[str, int], passed: bool, said: str
) -> None:
    (report,) = [node for node in shipped("full-analysis")["nodes"] if node["id"] == "report"]
    outputs: dict[str, Any] = {
        "secrets": {"summary": {"by_severity": NOTHING | secrets}},
        "flaws": {"summary": {"by_severity": NOTHING | flaws}},
        "comply": {"passed": passed},
    }
    values: dict[str, Any] = {"nodes": {name: {"output": output} for name, output in outputs.items()}}
    assert Template(report["inputs"]["severity"]).render(values) == said


@pytest.mark.parametrize(("context", "wished"), [({}, False), ({"include_tests": True}, True)])
def test_a_security_review_hands_on_what_is_said_of_test_code(context: dict[str, Any], wished: bool) -> None:
    review = shipped("security-review")
    assert context.keys() <= review["input_schema"]["properties"].keys()
    (propose,) = [node for node in review["nodes"] if node["id"] == "propose"]
    assert Template(propose["inputs"]["include_tests"]).render({"context": context}) is wished


def test_what_waits_for_a_person_is_telling_and_only_what_was_approved_is_told() -> None:
    (tell,) = shipped("approval-only")["nodes"]
    assert (tell["id"], tell["inputs"]["title"]) == ("tell", "Approved: {{ context.question }}")
    assert tell["approval"]["on_expiry"] == "reject"


@pytest.mark.parametrize(
    ("node", "inputs"),
    [
        ("propose", {"workspace": "{{ context.workspace }}", "findings": "{{ nodes.scan.output.findingz }}"}),
        ("propose", {"workspace": "{{ context.workspace }}", "findings": "{{ nodes.scan.output.summary }}"}),
        ("apply", {"workspace": "{{ context.workspace }}", "diff": "{{ nodes.propose.output.stats.fixed }}"}),
        ("apply", {"workspace": "{{ context.workspace }}", "patch": "{{ nodes.propose.output.diff }}"}),
        ("apply", {"workspace": "{{ context.workspace }}", "diff": "{{ nodes.propose.output.diff }}"}),
        ("notify", {"channel": "pager", "title": "x", "message": "x"}),
    ],
)
def test_the_schemas_are_precise_enough_to_refuse_a_wrong_workflow(node: str, inputs: dict[str, Any]) -> None:
    wrong = shipped("security-review")
    assert [one.update(inputs=inputs) for one in wrong["nodes"] if one["id"] == node] == [None]
    assert check_workflow(WorkflowSpec.model_validate(wrong), agents()) != []


def test_documents_name_the_versions_that_there_are() -> None:
    versions = {one.name: one.version for one in agents().values()}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")]
    named = [
        (page.name, name, version)
        for page in pages
        for name, version in re.findall(r"([a-z-]+)@(\d+\.\d+\.\d+)", page.read_text(encoding="utf-8"))
        if name in versions
    ]
    assert named
    assert [one for one in named if one[2] != versions[one[1]]] == []
