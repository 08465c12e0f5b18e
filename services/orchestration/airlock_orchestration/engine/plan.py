"""The plan of a run: its workflow version with every agent pinned, ready to be stepped through."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from airlock_contracts.manifest import Action, AgentVersion
from airlock_contracts.statuses import Effects, RiskLevel
from airlock_contracts.workflow import ApprovalSpec, NodeSpec, RetrySpec, WorkflowSpec

from .graph import topological
from .schemas import Validator, resolve_artifacts
from .templates import Template


@dataclass(frozen=True)
class ActionSchemas:
    """The schemas registered for one action, compiled when first asked for and shared by all its nodes."""

    action: Action

    @cached_property
    def input(self) -> Validator:
        """Checks a resolved input."""
        return Validator(resolve_artifacts(self.action.input_schema))

    @cached_property
    def output(self) -> Validator:
        """Checks an output."""
        return Validator(resolve_artifacts(self.action.output_schema))


@dataclass(frozen=True)
class PlanNode:
    """A vertex with its agent version pinned and its templates compiled."""

    id: str
    agent: AgentVersion
    action: str
    parents: tuple[str, ...]
    children: tuple[str, ...]
    gated: bool
    """It waits for a person's decision before it is dispatched."""
    approval: ApprovalSpec
    retry: RetrySpec
    timeout: timedelta
    """Time for one attempt."""
    inputs: Template
    preview: Template | None
    schemas: ActionSchemas

    @property
    def claims_first(self) -> bool:
        """Its host may start only after Postgres granted the claim."""
        return self.gated or self.agent.manifest.effects is Effects.EXTERNAL

    @property
    def repeatable(self) -> bool:
        """A lost attempt may simply be tried again."""
        manifest = self.agent.manifest
        return manifest.effects is Effects.NONE or manifest.idempotent

    @property
    def risk_level(self) -> RiskLevel:
        """As shown to people."""
        return RiskLevel.APPROVAL_REQUIRED if self.gated else RiskLevel.AUTO

    @property
    def input_validator(self) -> Validator:
        """Checks a resolved input against the registered schema."""
        return self.schemas.input

    @property
    def output_validator(self) -> Validator:
        """Checks an output against the registered schema."""
        return self.schemas.output

    @cached_property
    def reads(self) -> frozenset[str]:
        """The roots that its templates read: `context`, `nodes.<id>`."""
        return self.inputs.roots | (self.preview.roots if self.preview else frozenset())


@dataclass(frozen=True)
class Plan:
    """A workflow version with its agents pinned. Nodes stand in topological order."""

    project: str
    workflow: str
    workflow_version: int
    nodes: Mapping[str, PlanNode]
    tags: tuple[str, ...] = ()
    """What its cost is counted under beside its name."""

    @property
    def roots(self) -> tuple[str, ...]:
        """The nodes without parents."""
        return tuple(node.id for node in self.nodes.values() if not node.parents)


def make_plan(project: str, version: int, spec: WorkflowSpec, agents: Mapping[str, AgentVersion]) -> Plan:
    """Pin a checked workflow to agent versions, given by the reference as each node writes it.

    Raises KeyError for an agent that is missing, ValueError for a cycle: `checks` rules both out.
    """
    by_id = {node.id: node for node in spec.nodes}
    children: dict[str, list[str]] = {node.id: [] for node in spec.nodes}
    for node in spec.nodes:
        for parent in dict.fromkeys(node.depends_on):
            children[parent].append(node.id)
    order = topological({node.id: node.depends_on for node in spec.nodes})
    schemas: dict[tuple[str, str], ActionSchemas] = {}
    nodes: dict[str, PlanNode] = {}
    for id_ in order:
        node = by_id[id_]
        agent, key = agents[node.agent], (node.agent, node.action)
        if key not in schemas:
            schemas[key] = ActionSchemas(agent.manifest.actions[node.action])
        nodes[id_] = _plan_node(node, tuple(children[id_]), agent, schemas[key])
    return Plan(
        project=project, workflow=spec.name, workflow_version=version, nodes=nodes, tags=tuple(spec.tags)
    )


def _plan_node(
    spec: NodeSpec, children: tuple[str, ...], agent: AgentVersion, schemas: ActionSchemas
) -> PlanNode:
    limit = timedelta(seconds=agent.manifest.limits.timeout_seconds)
    approval = spec.approval or ApprovalSpec()
    required = RiskLevel.APPROVAL_REQUIRED
    gated = (
        spec.approval is not None
        or spec.risk_level is required
        or agent.manifest.risk_of(spec.action) is required
    )
    return PlanNode(
        id=spec.id,
        agent=agent,
        action=spec.action,
        parents=tuple(dict.fromkeys(spec.depends_on)),
        children=children,
        gated=gated,
        approval=approval,
        retry=spec.retry,
        timeout=min(spec.timeout, limit) if spec.timeout else limit,
        inputs=Template(spec.inputs),
        preview=None if approval.preview is None else Template(approval.preview, place="approval.preview"),
        schemas=schemas,
    )
