"""What the guides tell people to write is taken by the code as it is."""

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import yaml
from airlock_client.scaffold.project import write_project
from airlock_contracts.manifest import Manifest
from airlock_contracts.statuses import Protocol as AgentProtocol
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.engine.checks import check_workflow
from airlock_orchestration.engine.manifests import check_manifest

from .doctor_findings import troubles

ROOT = Path(__file__).parents[3]
GUIDES = ROOT / "docs" / "guides"
BUILTIN = ROOT / "services" / "agents" / "airlock_agents" / "builtin"


TYPING = ("tests/e2e/test_guides_run.py", "tests/integration/client/test_readme_typed.py")
"""The tests that type guides from top to bottom."""


def test_every_guide_is_typed_by_a_test_and_names_it() -> None:
    for guide in GUIDES.glob("*.md"):
        by = [test for test in TYPING if f'"{guide.name}"' in (ROOT / test).read_text(encoding="utf-8")]
        assert len(by) == 1, guide.name
        assert f"({'../' * 2}{by[0]})" in guide.read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """The code of one language on a page, block by block."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def manifests() -> dict[str, Manifest]:
    documents = [yaml.safe_load(one) for one in blocks("writing-an-agent.md", "yaml")]
    found = [Manifest.model_validate(document) for document in documents if "image" in document]
    return {manifest.name: manifest for manifest in found}


def workflow() -> WorkflowSpec:
    (text,) = blocks("writing-a-workflow.md", "yaml")
    return WorkflowSpec.model_validate(yaml.safe_load(text))


def test_the_manifests_of_the_guide_can_be_registered() -> None:
    assert set(manifests()) == {"shout", "line-counter"}
    for manifest in manifests().values():
        assert check_manifest(manifest) == []


def builtin() -> dict[str, Manifest]:
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in BUILTIN.glob("*/agent.yaml")]
    return {document["name"]: Manifest.model_validate(document) for document in documents}


def test_the_workflow_of_the_guide_fits_the_agents_that_it_names() -> None:
    assert check_workflow(workflow(), builtin()) == []


def test_the_mistakes_that_the_guide_shows_are_found_as_it_shows_them() -> None:
    (text,) = blocks("writing-a-workflow.md", "yaml")
    wrong = text.replace("[scan]", "[scans]").replace("{{ context.workspace }}", "{{ context.worksace }}")
    spec = WorkflowSpec.model_validate(yaml.safe_load(wrong))
    agents = builtin()
    page = " ".join((GUIDES / "writing-a-workflow.md").read_text(encoding="utf-8").split())
    found = check_workflow(spec, agents)
    assert f"{len(found)} problems" in page
    for finding in found[:2]:
        assert f"{finding.place}: {finding.message}" in page
        assert f"[{finding.code}]" in page


def test_what_the_guide_shows_of_doctor_is_something_that_doctor_may_find() -> None:
    (shown,) = (text for text in blocks("looking-after-the-box.md", "text") if text.startswith("WARNING"))
    for verdict, part, said in re.findall(
        r"^(WARNING|WRONG|UNKNOWN) +(\S.*?) {2,}(.+)$", shown, re.MULTILINE
    ):
        may_be = [re.escape(one.said).replace(r"\.\.\.", ".+") for one in troubles() if one.part == part]
        assert any(re.fullmatch(pattern, said) for pattern in may_be), (verdict, part, said)


def test_the_guide_shows_what_new_writes(tmp_path: Path) -> None:
    write_project("line-counter", tmp_path, AgentProtocol.AIRLOCK_1)
    assert blocks("writing-an-agent.md", "python")[0] == (tmp_path / "main.py").read_text()
    assert blocks("writing-an-agent.md", "yaml")[0] == (tmp_path / "agent.yaml").read_text()


def test_the_workflow_of_the_agents_guide_fits_its_agent() -> None:
    (document,) = [
        one for one in map(yaml.safe_load, blocks("writing-an-agent.md", "yaml")) if "nodes" in one
    ]
    spec = WorkflowSpec.model_validate(document)
    agents = {node.agent: manifests()[node.agent_name] for node in spec.nodes}
    assert check_workflow(spec, agents) == []


def test_the_test_of_the_guide_passes_on_a_program(tmp_path: Path) -> None:
    write_project("word-count", tmp_path, AgentProtocol.STDIO)
    told: dict[str, Any] = {}
    exec(compile(blocks("writing-an-agent.md", "python")[1], "test_guide.py", "exec"), told)
    main = runpy.run_path(str(tmp_path / "main.py"))
    told["test_every_valid_input_gets_a_valid_answer"](
        [sys.executable, str(tmp_path / "main.py")], main["count"]
    )
