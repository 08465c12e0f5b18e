"""What the guides tell people to write is taken by the code as it is."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from airlock_contracts.manifest import Manifest
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.engine.checks import check_workflow
from airlock_orchestration.engine.manifests import check_manifest

GUIDES = Path(__file__).parents[3] / "docs" / "guides"


def blocks(page: str, language: str) -> list[str]:
    """The code of one language on a page, block by block."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def manifests() -> dict[str, Manifest]:
    found = [Manifest.model_validate(yaml.safe_load(one)) for one in blocks("writing-an-agent.md", "yaml")]
    return {manifest.name: manifest for manifest in found}


def workflow() -> WorkflowSpec:
    (text,) = blocks("writing-a-workflow.md", "yaml")
    return WorkflowSpec.model_validate(yaml.safe_load(text))


def test_the_manifests_of_the_guide_can_be_registered() -> None:
    assert set(manifests()) == {"shout", "line-counter"}
    for manifest in manifests().values():
        assert check_manifest(manifest) == []


def test_the_workflow_of_the_guide_fits_the_agents_of_the_guide() -> None:
    agents = {node.agent: manifests()[node.agent_name] for node in workflow().nodes}
    assert check_workflow(workflow(), agents) == []


def test_the_mistakes_that_the_guide_shows_are_found_as_it_shows_them() -> None:
    (text,) = blocks("writing-a-workflow.md", "yaml")
    wrong = text.replace("[count]", "[counts]").replace("{{ context.workspace }}", "{{ context.worksace }}")
    spec = WorkflowSpec.model_validate(yaml.safe_load(wrong))
    agents = {node.agent: manifests()[node.agent_name] for node in spec.nodes}
    page = " ".join((GUIDES / "writing-a-workflow.md").read_text(encoding="utf-8").split())
    found = check_workflow(spec, agents)
    assert f"{len(found)} problems" in page
    for finding in found[:2]:
        assert f"{finding.place}: {finding.message}" in page
        assert f"[{finding.code}]" in page


def test_the_agent_of_the_guide_passes_the_test_of_the_guide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, test = blocks("writing-an-agent.md", "python")
    package, main = ModuleType("hello"), ModuleType("hello.main")
    monkeypatch.setitem(sys.modules, "hello", package)
    monkeypatch.setitem(sys.modules, "hello.main", main)
    exec(compile(program, "hello/main.py", "exec"), vars(main))
    told: dict[str, Any] = {}
    exec(compile(test, "test_hello.py", "exec"), told)
    told["test_it_counts_lines_of_one_suffix"](tmp_path)
