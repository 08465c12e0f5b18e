"""A plan: every node with its agent pinned, its place in the graph, its gate, its limits."""

from datetime import timedelta
from typing import Any

import pytest
from airlock_contracts.manifest import AgentVersion
from airlock_contracts.statuses import NodeStatus, OnExpiry, RiskLevel, RunStatus
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.engine.plan import Plan, PlanNode, make_plan
from airlock_orchestration.engine.schemas import SchemaProblem
from airlock_orchestration.engine.state import Retried
from airlock_orchestration.engine.step import new_run
from engine_runs import AGENTS, RUN, agent, node

STRICT = {
    "input_schema": {"type": "object", "required": ["tree"]},
    "output_schema": {"type": "object", "required": ["found"]},
}
NUMBERED = {
    "input_schema": {"type": "object", "maxProperties": 0},
    "output_schema": {"type": "object", "minProperties": 9},
}


def plan(*nodes: dict[str, Any], agents: dict[str, AgentVersion] = AGENTS) -> Plan:
    return make_plan("ours", 7, WorkflowSpec.model_validate({"name": "w", "nodes": list(nodes)}), agents)


def one(more: dict[str, Any], **manifest: Any) -> PlanNode:
    return plan(node("x", kind="it", **more), agents={"it": agent("it", **manifest)}).nodes["x"]


def test_nodes_stand_in_order_with_their_parents_and_children() -> None:
    made = plan(
        node("last", ["left", "right", "left"]),
        node("right", ["first"]),
        node("left", ["first"]),
        node("first"),
    )
    assert (made.project, made.workflow, made.workflow_version) == ("ours", "w", 7)
    assert list(made.nodes) == ["first", "right", "left", "last"]
    assert {id_: (one.parents, one.children) for id_, one in made.nodes.items()} == {
        "first": ((), ("right", "left")),
        "right": (("first",), ("last",)),
        "left": (("first",), ("last",)),
        "last": (("left", "right"), ()),
    }
    assert made.roots == ("first",)


def test_a_plan_keeps_the_tags_that_its_cost_is_counted_under() -> None:
    spec = WorkflowSpec.model_validate({"name": "w", "nodes": [node("a")], "tags": ["red", "blue"]})
    assert make_plan("ours", 1, spec, AGENTS).tags == ("red", "blue")
    assert plan(node("a")).tags == ()


def test_a_node_carries_what_it_was_given() -> None:
    made = one({"retry": {"max_attempts": 7}, "inputs": {"a": "{{ context.a }}"}})
    assert (made.id, made.action, made.agent.reference) == ("x", "go", "it@1.0.0")
    assert made.retry.max_attempts == 7
    assert made.inputs.render({"context": {"a": 1}, "nodes": {}}) == {"a": 1}
    assert made.preview is None


@pytest.mark.parametrize(
    ("spec", "manifest", "gated"),
    [
        ({}, {}, False),
        ({"risk_level": "AUTO"}, {}, False),
        ({"risk_level": "APPROVAL_REQUIRED"}, {}, True),
        ({"approval": {}}, {}, True),
        ({}, {"risk_level": "APPROVAL_REQUIRED"}, True),
    ],
)
def test_a_node_is_gated_if_it_or_its_agent_says_so(
    spec: dict[str, Any], manifest: dict[str, Any], gated: bool
) -> None:
    made = one(spec, **manifest)
    assert (made.gated, made.claims_first) == (gated, gated)
    assert made.risk_level is (RiskLevel.APPROVAL_REQUIRED if gated else RiskLevel.AUTO)


def test_a_gate_asks_as_its_block_says_or_as_is_usual() -> None:
    preview = "{{ nodes.p.output }}"
    block = {"expires_in": "1h", "on_expiry": "skip", "preview": preview}
    own = plan(node("p"), node("x", ["p"], approval=block, inputs={"c": "{{ context }}"})).nodes["x"]
    assert (own.approval.expires_in, own.approval.on_expiry) == (timedelta(hours=1), OnExpiry.SKIP)
    assert own.reads == {"nodes.p", "context"}
    assert own.preview is not None
    assert {reference.place for reference in own.preview.references} == {"approval.preview"}
    usual = one({}, risk_level="APPROVAL_REQUIRED")
    assert (usual.approval.expires_in, usual.approval.on_expiry) == (timedelta(days=1), OnExpiry.REJECT)


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [({}, 60), ({"timeout": "20s"}, 20), ({"timeout": "60s"}, 60), ({"timeout": "90s"}, 60)],
)
def test_a_node_takes_no_more_time_than_its_agent_may(spec: dict[str, Any], seconds: int) -> None:
    assert one(spec, limits={"timeout_seconds": 60}).timeout == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("kind", "claims_first", "repeatable"),
    [("free", False, True), ("external", True, False), ("idempotent", True, True)],
)
def test_effects_ask_for_a_claim_and_are_repeated_only_where_that_is_harmless(
    kind: str, claims_first: bool, repeatable: bool
) -> None:
    made = plan(node("x", kind=kind)).nodes["x"]
    assert (made.claims_first, made.repeatable) == (claims_first, repeatable)


def test_each_action_of_each_agent_is_checked_by_its_own_schemas() -> None:
    agents = {
        "it": agent("it", actions={"go": STRICT, "count": NUMBERED}),
        "other": agent("other", actions={"go": NUMBERED}),
    }
    wanted = [("it", "go"), ("it", "count"), ("other", "go")]
    made = plan(
        *({**node(f"{kind}-{action}", kind=kind), "action": action} for kind, action in wanted), agents=agents
    )

    def keywords(problems: list[SchemaProblem | None]) -> list[str]:
        return [problem.keyword if problem else "" for problem in problems]

    checked = made.nodes.values()
    assert keywords([one.input_validator.problem({}) for one in checked]) == ["required", "", ""]
    assert keywords([one.input_validator.problem({"tree": 1}) for one in checked]) == [
        "",
        "maxProperties",
        "maxProperties",
    ]
    assert keywords([one.output_validator.problem({"found": 1}) for one in checked]) == [
        "",
        "minProperties",
        "minProperties",
    ]


def test_a_new_run_stands_before_its_first_step() -> None:
    made = plan(node("a"), node("b", ["a", "a"]), node("c", ["a", "b"]))
    first = Retried("0199", "00-first")
    run = new_run(RUN, made, "00-trace", "webhook", first)
    assert (run.trigger, run.retries) == ("webhook", first)
    assert (run.id, run.plan, run.status, run.traceparent) == (RUN, made, RunStatus.PENDING, "00-trace")
    assert {id_: (state.status, state.open_parents) for id_, state in run.nodes.items()} == {
        "a": (NodeStatus.PENDING, 0),
        "b": (NodeStatus.PENDING, 1),
        "c": (NodeStatus.PENDING, 2),
    }
    assert (run.counts, run.last_event, run.version) == ({NodeStatus.PENDING: 3}, 0, 0)
    plain = new_run(RUN, made)
    assert (plain.traceparent, plain.trigger, plain.retries) == (None, "", None)
