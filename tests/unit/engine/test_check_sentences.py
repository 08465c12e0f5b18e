"""What a workflow that cannot work is told: every finding with its place, its code and its sentence."""

from typing import Any

import pytest
from airlock_contracts.manifest import Manifest
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.engine.checks import check_workflow
from workflow_agents import AGENTS, CONTEXT, SCANNER

TREE = {"workspace": "{{ context.workspace }}"}


def node(id_: str = "n", agent: str = "patcher", action: str = "propose", **more: Any) -> dict[str, Any]:
    return {"id": id_, "agent": agent, "action": action, **more}


SCAN = node("scan", "scanner", "scan", inputs=TREE)


def told(*nodes: dict[str, Any], agents: Any = AGENTS, known: Any = ("patcher", "scanner")) -> list[str]:
    spec = WorkflowSpec.model_validate({"name": "w", "input_schema": CONTEXT, "nodes": list(nodes)})
    found = check_workflow(spec, agents, known)
    return [f"{finding.place}: {finding.code}: {finding.message}" for finding in found]


def reading(template: str, **more: Any) -> dict[str, Any]:
    return node(depends_on=["scan"], inputs={"findings": template}, **more)


def taking(schema: dict[str, Any], inputs: dict[str, Any]) -> list[str]:
    """What is told of inputs to an agent that takes this."""
    action = {"input_schema": schema, "output_schema": {}}
    agents = {"x": Manifest.model_validate({**SCANNER, "name": "x", "actions": {"go": action}})}
    return told(node(agent="x", action="go", inputs=inputs), agents=agents)


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([SCAN, SCAN], "nodes.scan: workflow.duplicate_node: two nodes have this id"),
        (
            [SCAN, node(depends_on=["skan", "skan"])],
            "nodes.n.depends_on: workflow.unknown_dependency: there is no node skan, did you mean scan?",
        ),
        ([node(depends_on=["x"])], "nodes.n.depends_on: workflow.unknown_dependency: there is no node x"),
        (
            [node("a", depends_on=["b"]), node("b", depends_on=["a"])],
            "nodes: workflow.cycle: each waits for the next: a -> b -> a",
        ),
        (
            [node(agent="scaner")],
            (
                "nodes.n.agent: workflow.unknown_agent: "
                "no agent scaner is registered, did you mean scanner?; known: patcher, scanner"
            ),
        ),
        (
            [node(agent="x", action="y")],
            "nodes.n.agent: workflow.unknown_agent: no agent x is registered; known: patcher, scanner",
        ),
        (
            [node(action="aply")],
            (
                "nodes.n.action: workflow.unknown_action: "
                "patcher has no action aply, did you mean apply?; it has: propose, apply"
            ),
        ),
        (
            [node(action="apply", risk_level="AUTO")],
            (
                "nodes.n.risk_level: workflow.risk_lowered: "
                "patcher apply is APPROVAL_REQUIRED; a node may raise that, never lower it"
            ),
        ),
        (
            [node(timeout="0ms")],
            "nodes.n.timeout: workflow.no_time: no time for an attempt; left out it is the agent's limit",
        ),
        (
            [node(approval={"expires_in": "0h"})],
            (
                "nodes.n.approval.expires_in: workflow.no_time: "
                "no time to decide in: such a gate expires when it asks"
            ),
        ),
        (
            [node(inputs={"a": "{{ ("})],
            "nodes.n.inputs.a: template.invalid: {{ without a closing }}:  (",
        ),
        (
            [node(approval={"preview": "{{ }}"})],
            "nodes.n.approval.preview: template.invalid: nothing between the braces: ",
        ),
        (
            [SCAN, node(inputs={"findings": "{{ nodes.scan.output.findings }}"})],
            (
                "nodes.n.inputs.findings: workflow.not_an_ancestor: "
                "n does not depend on scan, so it cannot read its output"
            ),
        ),
        (
            [SCAN, node(action="apply", approval={"preview": "{{ nodes.scan.output.findings }}"})],
            (
                "nodes.n.approval.preview: workflow.not_an_ancestor: "
                "n does not depend on scan, so it cannot read its output"
            ),
        ),
        (
            [SCAN, reading("{{ nodes.skan.output }}")],
            "nodes.n.inputs.findings: workflow.unknown_node: there is no node skan, did you mean scan?",
        ),
        (
            [SCAN, reading("{{ nodes.x.output }}")],
            "nodes.n.inputs.findings: workflow.unknown_node: there is no node x",
        ),
        (
            [SCAN, reading("{{ nodes.scan.output.counts.high }}")],
            (
                "nodes.n.inputs.findings: workflow.type_mismatch: "
                "patcher propose takes array here, but nodes.scan.output.counts.high gives integer"
            ),
        ),
        (
            [SCAN, reading("all: {{ nodes.scan.output.findings }}")],
            "nodes.n.inputs.findings: workflow.type_mismatch: patcher propose takes array here, not a text",
        ),
        (
            [SCAN, reading("{{ nodes.scan.output.findings[0].fil }}")],
            (
                "nodes.n.inputs.findings: workflow.impossible_path: "
                "nodes.scan.output.findings[0].fil: no property 'fil'; did you mean 'file'?"
            ),
        ),
        (
            [SCAN, node(approval={"preview": "{{ nodes.scan.output.fil }}"}, depends_on=["scan"])],
            (
                "nodes.n.approval.preview: workflow.impossible_path: nodes.scan.output.fil: "
                "no property 'fil'; there are counts, findings, note"
            ),
        ),
        (
            [node(inputs={"findings": [{"{{ context.no }}": 1}, "{{ context.no }}"]})],
            (
                "nodes.n.inputs.findings[1]: workflow.impossible_path: context.no: no property 'no'; "
                "there are depth, label, workspace"
            ),
        ),
    ],
    ids=lambda value: value.split(": ")[1] if isinstance(value, str) else "",
)
def test_what_cannot_work_is_told_in_a_sentence(nodes: list[dict[str, Any]], said: str) -> None:
    assert told(*nodes) == [said]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, ': workflow.missing_input: "workspace" is a required property'),
        (
            {**TREE, "deep": 1},
            ": workflow.unknown_input: Additional properties are not allowed ('deep' was unexpected)",
        ),
        ({**TREE, "depth": "3"}, '.depth: workflow.invalid_input: "3" is not of type "integer"'),
        ({**TREE, "mode": "slow"}, '.mode: workflow.invalid_input: "slow" is not one of "fast" or "deep"'),
        ({**TREE, "rules": ["a", 1]}, '.rules[1]: workflow.invalid_input: 1 is not of type "string"'),
    ],
)
def test_inputs_as_they_are_written_are_told_what_the_agent_takes(inputs: dict[str, Any], said: str) -> None:
    assert told(node("scan", "scanner", "scan", inputs=inputs)) == [f"nodes.scan.inputs{said}"]


TEXT = "{{ context.label }}"
THEN = {"if": {"required": ["a"]}, "then": {"required": ["b"], "properties": {"c": {"type": "null"}}}}


@pytest.mark.parametrize(
    ("schema", "inputs", "codes"),
    [
        # A member that no template can bring or take away.
        ({"required": ["b"]}, {"a": TEXT}, [": workflow.missing_input"]),
        ({"maxProperties": 0}, {"a": TEXT}, [": workflow.invalid_input"]),
        ({"properties": {"a": False}}, {"a": TEXT}, [".a: workflow.unknown_input"]),
        ({"properties": {"a": {"required": ["b"]}}}, {"a": {"c": TEXT}}, [".a: workflow.missing_input"]),
        ({"properties": {"a": {"type": "array"}}}, {"a": {"c": TEXT}}, [".a: workflow.invalid_input"]),
        # What the value of a template may still mend.
        ({"properties": {"a": {"type": ["null", "object"]}}}, {"a": "{{ context }}"}, []),
        ({"properties": {"a": {"pattern": "^x"}}}, {"a": TEXT}, []),
        ({"properties": {"a": {"const": {"b": 1}}}}, {"a": {"b": TEXT}}, []),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [TEXT, TEXT]}, []),
        # A part beside the template, and what holds only because of another part.
        ({"properties": {"c": {"type": "null"}}}, {"a": TEXT, "c": 1}, [".c: workflow.invalid_input"]),
        (THEN, {"a": 1}, [": workflow.missing_input"]),
        (THEN, {"a": 1, "b": 1, "c": 1}, [".c: workflow.invalid_input"]),
        (THEN, {"a": 1, "b": 1, "c": 1, "d": TEXT}, []),
        (THEN, {"a": 1, "d": TEXT}, []),
        # One that is passed over does not hide the next.
        (
            {"properties": {"a": {"pattern": "^x"}, "z": {"type": "null"}}},
            {"a": TEXT, "z": 1},
            [".z: workflow.invalid_input"],
        ),
        (
            {"allOf": [THEN, {"properties": {"z": {"type": "null"}}}]},
            {"a": 1, "b": 1, "c": 1, "d": TEXT, "z": 1},
            [".z: workflow.invalid_input"],
        ),
        # Names that a pointer must escape.
        (
            {"properties": {"a/b~c": {"items": {"type": "null"}}}},
            {"a/b~c": [None, 1]},
            [".a/b~c[1]: workflow.invalid_input"],
        ),
        ({"properties": {"k" * 600: {"type": "null"}}}, {"k" * 600: 1}, [": workflow.invalid_input"]),
    ],
)
def test_only_what_no_template_can_mend_is_told(
    schema: dict[str, Any], inputs: dict[str, Any], codes: list[str]
) -> None:
    found = [line.split(": ", 2)[:2] for line in taking(schema, inputs)]
    assert [": ".join(one) for one in found] == [f"nodes.n.inputs{code}" for code in codes]


def test_at_most_so_many_problems_of_one_nodes_inputs_are_told() -> None:
    schema = {"additionalProperties": {"type": "null"}}
    assert len(taking(schema, {f"k{number}": 1 for number in range(300)})) == 200


def test_names_and_cycles_are_listed_only_so_far() -> None:
    known = [f"agent-{number}" for number in range(60)]
    said = told(node(agent="zzz"), known=known)[0]
    assert said.endswith(f"no agent zzz is registered; known: {', '.join(known[:50])}")
    assert told(node(agent="zzz"), known=())[0].endswith("no agent zzz is registered; known: none")
    ring = [node(f"n{number}", depends_on=[f"n{(number + 1) % 49}"]) for number in range(49)]
    assert told(*ring)[0].endswith("-> n47 -> n48 -> n0")
    ring = [node(f"n{number}", depends_on=[f"n{(number + 1) % 50}"]) for number in range(50)]
    assert told(*ring)[0].endswith("-> n48 -> n49 -> ...")


def test_in_a_cycle_a_template_may_read_any_node() -> None:
    first = node("a", depends_on=["b"], inputs={"findings": ["{{ nodes.b.output.diff }}"]})
    assert len(told(first, node("b", depends_on=["a"]), node("c"))) == 1


def test_a_place_and_a_sentence_are_cut() -> None:
    long = "k" * 600
    place, _, message = told(node(inputs={long: "{{ context." + "x" * 1000 + " }}"}))[0].split(": ", 2)
    assert place == f"nodes.n.inputs.{long}"[:500]
    assert message.startswith(f"context.{'x' * 492}: no property ")
    many = [f"agent-{number:054}" for number in range(50)]
    assert len(told(node(agent="zzz"), known=many)[0].split(": ", 2)[2]) == 2000


def test_what_a_template_gives_is_shown_up_to_500_characters() -> None:
    path = "nodes.scan.output.counts['" + "k" * 600 + "']"
    assert told(SCAN, reading(f"{{{{ {path} }}}}"))[0].endswith(f"but {path[:500]} gives integer")


def test_a_node_of_an_unknown_agent_rules_nothing_out_for_those_that_read_it() -> None:
    found = told(node("scan", "nobody", "scan"), reading("{{ nodes.scan.output.anything }}"))
    assert [line.split(": ")[1] for line in found] == ["workflow.unknown_agent"]
    found = told(node(agent="nobody", inputs={"a": "{{ context.label }}", "b": "x {{ context.label }}"}))
    assert [line.split(": ")[1] for line in found] == ["workflow.unknown_agent"]
    found = told(node("scan", "scanner", "scna"), reading("{{ nodes.scan.output.anything }}"))
    assert [line.split(": ")[1] for line in found] == ["workflow.unknown_action"]


def test_the_problems_of_a_template_are_told_in_the_order_of_their_text() -> None:
    found = told(node(inputs={"findings": ["{{ context.z }} {{ nodes.y.output }} {{ context.a }}"]}))
    assert [line.split(": ")[2] for line in found] == ["context.a", "context.z", "there is no node y"]


def test_a_context_that_is_not_a_schema_rules_nothing_out() -> None:
    document = {
        "name": "w",
        "input_schema": {"type": "objct"},
        "nodes": [node(inputs={"a": "{{ context.x }}"})],
    }
    found = check_workflow(WorkflowSpec.model_validate(document), AGENTS)
    assert [(finding.place, finding.code) for finding in found] == [("input_schema/type", "schema.invalid")]
