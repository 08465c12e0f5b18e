"""Everything wrong with a workflow is told at once, each with its place, and nothing that may be right."""

from typing import Any

import pytest
from airlock_contracts.manifest import Manifest
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.engine.checks import check_workflow
from workflow_agents import AGENTS, CONTEXT, SCANNER

COUNTS = {"properties": {"counts": {"additionalProperties": {"type": "integer"}}}}
WORKSPACE = {"workspace": "{{ context.workspace }}"}


def node(id_: str = "scan", agent: str = "scanner", action: str = "scan", **more: Any) -> dict[str, Any]:
    return {"id": id_, "agent": agent, "action": action, **more}


def check(*nodes: dict[str, Any], input_schema: Any = None) -> list[tuple[str, str, str]]:
    document = {"name": "w", "input_schema": input_schema or CONTEXT, "nodes": list(nodes)}
    found = check_workflow(WorkflowSpec.model_validate(document), AGENTS, ["patcher", "scanner"])
    return [(finding.place, finding.code, finding.message) for finding in found]


def one(*nodes: dict[str, Any], input_schema: Any = None) -> tuple[str, str, str]:
    found = check(*nodes, input_schema=input_schema)
    assert len(found) == 1, found
    return found[0]


SCAN = node(inputs=WORKSPACE)


def test_a_good_workflow_has_no_findings() -> None:
    findings = "{{ nodes.scan.output.findings }}"
    propose = node("propose", "patcher@2.1.0", "propose", depends_on=["scan"], inputs={"findings": findings})
    apply = node(
        "apply",
        "patcher",
        "apply",
        depends_on=["propose"],
        inputs={
            "diff": "{{ nodes.propose.output.diff }}",
            "first": "{{ nodes.scan.output.findings[0].file }}",
        },
        approval={"preview": "{{ nodes.propose.output.diff }}"},
    )
    assert check(SCAN, propose, apply) == []


def test_all_problems_are_told_at_once_each_with_its_place() -> None:
    found = check(
        node("a", "scaner", inputs={"x": "{{ 1 + }}"}),
        node("b", "scanner", "skan", depends_on=["nope"]),
        node("c", "patcher", "apply", risk_level="AUTO", depends_on=["d"]),
        node("d", "patcher", "propose", depends_on=["c"]),
        input_schema={"$ref": "http://example.com/schema"},
    )
    assert [(place, code) for place, code, _ in found] == [
        ("input_schema/$ref", "schema.remote_reference"),
        ("nodes.b.depends_on", "workflow.unknown_dependency"),
        ("nodes", "workflow.cycle"),
        ("nodes.a.agent", "workflow.unknown_agent"),
        ("nodes.a.inputs.x", "template.invalid"),
        ("nodes.b.action", "workflow.unknown_action"),
        ("nodes.c.risk_level", "workflow.risk_lowered"),
    ]


def test_an_unknown_agent_is_answered_with_the_known_ones() -> None:
    _, code, message = one(node(agent="scaner"))
    assert code == "workflow.unknown_agent"
    assert "did you mean scanner?" in message
    assert "known: patcher, scanner" in message


def test_a_cycle_is_shown_with_its_path() -> None:
    a = node("a", "patcher", "apply", depends_on=["b"])
    b = node("b", "patcher", "apply", depends_on=["c"])
    c = node("c", "patcher", "apply", depends_on=["a"])
    assert "a -> b -> c -> a" in one(a, b, c)[2]
    assert "a -> a" in one(node("a", "patcher", "apply", depends_on=["a"]))[2]


def test_two_nodes_with_one_id_are_refused() -> None:
    assert one(SCAN, SCAN)[:2] == ("nodes.scan", "workflow.duplicate_node")


def test_an_approval_block_on_an_automatic_action_is_allowed_and_raises_it() -> None:
    assert check(node(inputs=WORKSPACE, approval={})) == []


@pytest.mark.parametrize(
    ("template", "code", "words"),
    [
        ("{{ nodes.other.output.diff }}", "workflow.not_an_ancestor", "does not depend on other"),
        ("{{ nodes.skan.output.findings }}", "workflow.unknown_node", "did you mean scan?"),
        ('{{ nodes["other"].output.diff + "" }}', "workflow.not_an_ancestor", "other"),
        ("{{ nodes.scan.output.fidings }}", "workflow.impossible_path", "did you mean 'findings'?"),
        ("{{ nodes.scan.output.findings[0].fil }}", "workflow.impossible_path", "did you mean 'file'?"),
        ("{{ nodes.scan.output.findings.file }}", "workflow.impossible_path", "'file' of array"),
        ("{{ nodes.scan.output.findings[200] }}", "workflow.impossible_path", "at most 200 items"),
        ("{{ nodes.scan.output[0] }}", "workflow.impossible_path", "[0] of object"),
        ("{{ context.wrkspace }}", "workflow.impossible_path", "did you mean 'workspace'?"),
        ("{{ context.workspace.digest }}", "workflow.impossible_path", "no property 'digest'"),
        ("{{ nodes.scan.output.counts.high }}", "workflow.type_mismatch", "takes array here"),
        ("{{ nodes.scan.output.note }}", "workflow.type_mismatch", "gives null or string"),
        ("all: {{ nodes.scan.output.findings }}", "workflow.type_mismatch", "not a text"),
    ],
)
def test_a_template_that_cannot_work_is_told(template: str, code: str, words: str) -> None:
    other = node("other", "patcher", "propose")
    propose = node("propose", "patcher", "propose", depends_on=["scan"], inputs={"findings": template})
    place, found, message = one(SCAN, other, propose)
    assert (place, found) == ("nodes.propose.inputs.findings", code)
    assert words in message


@pytest.mark.parametrize(
    "template",
    [
        "{{ nodes.scan.output.findings }}",
        "{{ nodes.scan.output.findings.filter(f, f.line > 3) }}",
        "{{ has(nodes.scan.output.nothing) ? [1] : [] }}",
        "{{ nodes.free.output.whatever.it[3].is }}",
        "{{ nodes.far.output.findings }}",
    ],
)
def test_a_template_that_may_work_passes(template: str) -> None:
    free = node("free", "patcher", "apply")
    far = node("far", inputs=WORKSPACE)
    scan = node(inputs=WORKSPACE, depends_on=["far", "free"])
    propose = node("propose", "patcher", "propose", depends_on=["scan"], inputs={"findings": template})
    assert check(free, far, scan, propose) == []


@pytest.mark.parametrize(
    ("inputs", "place", "code"),
    [
        ({}, "", "workflow.missing_input"),
        ({**WORKSPACE, "worksapce": 1}, "", "workflow.unknown_input"),
        ({"workspace": "here"}, ".workspace", "workflow.invalid_input"),
        ({**WORKSPACE, "depth": "3"}, ".depth", "workflow.invalid_input"),
        ({**WORKSPACE, "depth": 10}, ".depth", "workflow.invalid_input"),
        ({**WORKSPACE, "rules": ["a", 1]}, ".rules[1]", "workflow.invalid_input"),
        ({**WORKSPACE, "rules": ["{{ context.label }}", 1]}, ".rules[1]", "workflow.invalid_input"),
        ({**WORKSPACE, "rules": ["{{ context.depth }}"]}, ".rules[0]", "workflow.type_mismatch"),
        ({**WORKSPACE, "mode": "slow"}, ".mode", "workflow.invalid_input"),
        ({"workspace": "{{ context.label }}"}, ".workspace", "workflow.type_mismatch"),
        (
            {"workspace": {"artifact": "{{ context.label }}", "size": 1}},
            ".workspace",
            "workflow.missing_input",
        ),
    ],
)
def test_inputs_that_the_consumer_rules_out_are_told(inputs: dict[str, Any], place: str, code: str) -> None:
    assert one(node(inputs=inputs))[:2] == (f"nodes.scan.inputs{place}", code)


@pytest.mark.parametrize(
    "inputs",
    [
        {
            **WORKSPACE,
            "depth": "{{ context.depth }}",
            "rules": ["{{ context.label }}", "x{{ context.depth }}"],
        },
        {**WORKSPACE, "mode": "{{ context.label }}"},
        {**WORKSPACE, "depth": "{{ context.depth + 1 }}"},
        {"workspace": {"artifact": "sha256:{{ context.label }}", "size": 1, "media_type": "a/b"}},
    ],
)
def test_inputs_that_cannot_be_disproved_pass(inputs: dict[str, Any]) -> None:
    assert check(node(inputs=inputs)) == []


def test_a_literal_beside_a_template_is_checked_by_references_in_the_schema() -> None:
    inputs = {"findings": "{{ [1] }}", "options": {"label": "{{ context.label }}", "strict": 1}}
    found = one(node("p", "patcher", "propose", inputs=inputs))
    assert found[:2] == ("nodes.p.inputs.options.strict", "workflow.invalid_input")


def test_a_condition_on_a_templated_value_decides_nothing() -> None:
    schema = {
        "type": "object",
        "if": {"properties": {"mode": {"pattern": "context"}}, "required": ["mode"]},
        "then": {"required": ["reason"], "properties": {"depth": False}},
    }
    action = {"input_schema": schema, "output_schema": {}}
    agents = {"x": Manifest.model_validate({**SCANNER, "name": "x", "actions": {"go": action}})}
    inputs = {"mode": "{{ context.label }}", "depth": 1}
    spec = WorkflowSpec.model_validate({"name": "w", "nodes": [node("n", "x", "go", inputs=inputs)]})
    assert check_workflow(spec, agents) == []


def test_a_preview_is_checked_like_an_input() -> None:
    apply = node("apply", "patcher", "apply", approval={"preview": "{{ nodes.scan.output.findings }} {{ ("})
    assert one(SCAN, apply)[:2] == ("nodes.apply.approval.preview", "template.invalid")
    apply = node("apply", "patcher", "apply", approval={"preview": "{{ nodes.scan.output.findings }}"})
    assert one(SCAN, apply)[:2] == ("nodes.apply.approval.preview", "workflow.not_an_ancestor")


def test_a_chain_of_1000_nodes_is_checked_without_recursion() -> None:
    chain = [node("n0", "patcher", "propose")]
    for i in range(1, 1000):
        inputs = {"findings": f"{{{{ [nodes.n{i - 1}.output.diff] }}}}"}
        chain.append(node(f"n{i}", "patcher", "propose", depends_on=[f"n{i - 1}"], inputs=inputs))
    assert check(*chain) == []
    chain[0]["depends_on"] = ["n999"]
    assert [code for _, code, _ in check(*chain)] == ["workflow.cycle"]


def test_the_number_of_findings_is_bounded() -> None:
    assert len(check(*(node(f"n{i}", "nope") for i in range(1000)))) == 200


def test_what_a_node_of_an_unknown_agent_gives_is_not_judged() -> None:
    inputs = {**WORKSPACE, "depth": "{{ nodes.first.output.depth }}"}
    place, code, _ = one(node("first", "scaner"), node(depends_on=["first"], inputs=inputs))
    assert (place, code) == ("nodes.first.agent", "workflow.unknown_agent")


def test_a_place_too_long_to_be_told_whole_is_told_as_far_as_it_goes() -> None:
    counter = {
        **SCANNER,
        "name": "counter",
        "actions": {"count": {"input_schema": COUNTS, "output_schema": {}}},
    }
    agents = {"counter": Manifest.model_validate(counter)}
    long = node("n", "counter", "count", inputs={"counts": {"k" * 600: "many"}})
    spec = WorkflowSpec.model_validate({"name": "w", "nodes": [long]})
    found = check_workflow(spec, agents, ["counter"])
    assert [(finding.place, finding.code) for finding in found] == [
        ("nodes.n.inputs.counts", "workflow.invalid_input")
    ]
