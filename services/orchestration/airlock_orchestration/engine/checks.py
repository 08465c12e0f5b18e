"""Checking a workflow when it is created: all problems at once, each with its place.

What is proved wrong here is refused; what cannot be disproved is checked again when the node is dispatched.
A place is a dotted path into the specification: `nodes.scan.inputs.workspace`, `input_schema/properties/a`.

Codes of findings, beside those of `schemas` for the workflow's own input_schema:
- `workflow.duplicate_node`, `workflow.unknown_dependency`, `workflow.cycle` (its message is the path)
- `workflow.unknown_agent`, `workflow.unknown_action`
- `workflow.risk_lowered`: a node may raise its action's risk level. An `approval` block does raise it: a node
  that has one waits at a gate, whatever its agent's level
- `workflow.no_time`: a `timeout` or an `expires_in` of nothing
- `template.invalid`: an expression that does not compile
- `workflow.unknown_node`, `workflow.not_an_ancestor`: what a template may not read
- `workflow.impossible_path`: a template path that the producer's output schema, or the workflow's
  input_schema, rules out
- `workflow.type_mismatch`: a template whose type the consumer's input schema rules out
- `workflow.missing_input`, `workflow.unknown_input`, `workflow.invalid_input`: literals, or the lack of them
"""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airlock_contracts.manifest import Action, Manifest
from airlock_contracts.problems import Finding
from airlock_contracts.statuses import RiskLevel
from airlock_contracts.workflow import NodeSpec, WorkflowSpec

from .expressions import Path
from .graph import ancestors, find_cycle
from .schema_paths import Possible, SchemaPaths, spell
from .schemas import Validator, check_schema, resolve_artifacts
from .templates import Reference, Template

MAX_FINDINGS = 200

# Problems of an object or list that do not depend on the values inside it, which a template may still change.
_STRUCTURAL = frozenset(
    {"required", "additionalProperties", "falseSchema", "type", "minProperties", "maxProperties"}
    | {"propertyNames", "minItems", "maxItems", "dependentRequired"}
)
_INPUT_CODES = {
    "required": "workflow.missing_input",
    "additionalProperties": "workflow.unknown_input",
    "falseSchema": "workflow.unknown_input",
}


def check_workflow(
    spec: WorkflowSpec, agents: Mapping[str, Manifest], known: Sequence[str] = ()
) -> list[Finding]:
    """Say everything that is wrong with a workflow; empty when nothing is provably wrong.

    `agents` holds manifests by the reference as the nodes write it (`name` or `name@version`); a reference
    that is missing is an unknown agent. `known` are the names that exist, for the message. At most
    MAX_FINDINGS are told.
    """
    return list(_Check(spec, agents, known).findings())[:MAX_FINDINGS]


class _Check:
    def __init__(self, spec: WorkflowSpec, agents: Mapping[str, Manifest], known: Sequence[str]) -> None:
        self._spec, self._agents, self._known = spec, agents, known
        self._nodes = {node.id: node for node in spec.nodes}
        self._edges = {node.id: node.depends_on for node in spec.nodes}
        self._cycle = find_cycle(self._edges)
        self._before = {} if self._cycle else ancestors(self._edges)
        self._outputs: dict[tuple[str, str], SchemaPaths] = {}
        self._inputs: dict[tuple[str, str], tuple[SchemaPaths, Validator]] = {}
        self._schema_findings = check_schema(spec.input_schema, "input_schema")
        schema = True if self._schema_findings else resolve_artifacts(spec.input_schema)
        self._context = SchemaPaths(schema)

    def findings(self) -> Iterator[Finding]:
        yield from self._schema_findings
        yield from self._graph()
        for node in self._nodes.values():
            yield from self._agent(node)
            yield from _times(node)
            yield from self._templates(node)

    def _graph(self) -> Iterator[Finding]:
        seen: set[str] = set()
        for node in self._spec.nodes:
            if node.id in seen:
                yield _found(f"nodes.{node.id}", "workflow.duplicate_node", "two nodes have this id")
            seen.add(node.id)
            for parent in dict.fromkeys(node.depends_on):
                if parent not in self._nodes:
                    message = f"there is no node {parent}{_close(parent, list(self._nodes))}"
                    yield _found(f"nodes.{node.id}.depends_on", "workflow.unknown_dependency", message)
        if self._cycle:
            path = " -> ".join(self._cycle if len(self._cycle) <= 50 else [*self._cycle[:50], "..."])
            yield _found("nodes", "workflow.cycle", f"each waits for the next: {path}")

    def _agent(self, node: NodeSpec) -> Iterator[Finding]:
        place = f"nodes.{node.id}"
        manifest = self._agents.get(node.agent)
        if manifest is None:
            names = ", ".join(self._known[:50]) or "none"
            message = f"no agent {node.agent} is registered{_close(node.agent, self._known)}; known: {names}"
            yield _found(f"{place}.agent", "workflow.unknown_agent", message)
        elif node.action not in manifest.actions:
            actions = ", ".join(manifest.actions)
            message = (
                f"{node.agent} has no action {node.action}{_close(node.action, list(manifest.actions))}; "
            )
            yield _found(f"{place}.action", "workflow.unknown_action", f"{message}it has: {actions}")
        elif node.risk_level is RiskLevel.AUTO and manifest.risk_of(node.action) is not RiskLevel.AUTO:
            message = (
                f"{node.agent} {node.action} is APPROVAL_REQUIRED; a node may raise that, never lower it"
            )
            yield _found(f"{place}.risk_level", "workflow.risk_lowered", message)

    def _templates(self, node: NodeSpec) -> Iterator[Finding]:
        place = f"nodes.{node.id}.inputs"
        findings = Template.check(node.inputs, place)
        yield from findings
        if not findings:
            texts = {path: Template(text, place + _dotted(path)) for path, text in _texts(node.inputs)}
            consumer = None
            if (action := self._action(node)) is not None:
                consumer, validator = self._consumer(node, action)
                yield from self._literals(node, validator, texts.keys())
            for path, template in texts.items():
                yield from self._template(node, consumer, path, template)
        preview = node.approval.preview if node.approval else None
        if preview is not None:
            findings = Template.check(preview, f"nodes.{node.id}.approval.preview")
            yield from findings
            if not findings:
                yield from self._template(
                    node, None, (), Template(preview, f"nodes.{node.id}.approval.preview")
                )

    def _template(
        self, node: NodeSpec, consumer: SchemaPaths | None, path: Path, template: Template
    ) -> Iterator[Finding]:
        for reference in sorted(
            template.references, key=lambda reference: (reference.expression, reference.root)
        ):
            yield from self._reference(node, consumer, path, reference)
        if consumer is not None and template.is_text:
            # Whatever its templates give, the whole is a string.
            taken = consumer.at(path)
            if taken.types and "string" not in taken.types:
                message = f"{node.agent} {node.action} takes {spell(taken.types)} here, not a text"
                yield _found(f"nodes.{node.id}.inputs{_dotted(path)}", "workflow.type_mismatch", message)

    def _reference(
        self, node: NodeSpec, consumer: SchemaPaths | None, path: Path, reference: Reference
    ) -> Iterator[Finding]:
        if (wrong := self._may_not_read(node, reference)) is not None:
            yield wrong
            return
        source = self._source(reference)
        if source is None or reference.path is None:
            return
        given = source.at(reference.path)
        if not given.types:
            message = f"{reference.expression[:500]}: {given.reason}"
            yield _found(reference.place, "workflow.impossible_path", message)
        elif consumer is not None and reference.whole:
            yield from self._fits(node, consumer.at(path), given, reference)

    def _fits(
        self, node: NodeSpec, taken: Possible, given: Possible, reference: Reference
    ) -> Iterator[Finding]:
        if taken.types and not taken.types & given.types:
            message = (
                f"{node.agent} {node.action} takes {spell(taken.types)} here, "
                f"but {reference.expression[:500]} gives {spell(given.types)}"
            )
            yield _found(reference.place, "workflow.type_mismatch", message)

    def _literals(
        self, node: NodeSpec, validator: Validator, templates: Collection[Path]
    ) -> Iterator[Finding]:
        """What the schema says of the inputs as they are written, as far as no template can change it."""
        open_paths = {path[:length] for path in templates for length in range(len(path) + 1)}
        for problem in validator.problems(node.inputs, MAX_FINDINGS):
            path = _path(problem.pointer, node.inputs)
            if path in open_paths:
                if problem.conditional or problem.keyword not in _STRUCTURAL:
                    continue
                if path in templates and problem.keyword != "falseSchema":
                    continue
            elif problem.conditional and open_paths:
                continue
            code = _INPUT_CODES.get(problem.keyword, "workflow.invalid_input")
            yield _found(f"nodes.{node.id}.inputs{_dotted(path)}", code, problem.message)

    def _may_not_read(self, node: NodeSpec, reference: Reference) -> Finding | None:
        if reference.node is None:
            return None
        if reference.node not in self._nodes:
            message = f"there is no node {reference.node}{_close(reference.node, list(self._nodes))}"
            return _found(reference.place, "workflow.unknown_node", message)
        if not self._cycle and reference.node not in self._before[node.id]:
            message = f"{node.id} does not depend on {reference.node}, so it cannot read its output"
            return _found(reference.place, "workflow.not_an_ancestor", message)
        return None

    def _source(self, reference: Reference) -> SchemaPaths | None:
        if reference.node is None:
            return self._context
        producer = self._nodes[reference.node]
        action = self._action(producer)
        if action is None:
            return None
        key = (producer.agent, producer.action)
        if key not in self._outputs:
            self._outputs[key] = SchemaPaths(resolve_artifacts(action.output_schema))
        return self._outputs[key]

    def _consumer(self, node: NodeSpec, action: Action) -> tuple[SchemaPaths, Validator]:
        key = (node.agent, node.action)
        if key not in self._inputs:
            schema = resolve_artifacts(action.input_schema)
            self._inputs[key] = (SchemaPaths(schema), Validator(schema))
        return self._inputs[key]

    def _action(self, node: NodeSpec) -> Action | None:
        manifest = self._agents.get(node.agent)
        return None if manifest is None else manifest.actions.get(node.action)


def _times(node: NodeSpec) -> Iterator[Finding]:
    nothing, code = timedelta(0), "workflow.no_time"
    if node.timeout == nothing:
        message = "no time for an attempt; left out it is the agent's limit"
        yield _found(f"nodes.{node.id}.timeout", code, message)
    if node.approval is not None and node.approval.expires_in == nothing:
        message = "no time to decide in: such a gate expires when it asks"
        yield _found(f"nodes.{node.id}.approval.expires_in", code, message)


def _texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield the strings that hold templates; the depth was bounded by `Template.check`."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _texts(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _texts(child, (*path, index))
    elif isinstance(value, str) and "{{" in value:
        yield path, value


def _path(pointer: str, root: Any) -> Path:
    """Turn a JSON pointer into the steps that it means in a value."""
    path: Path = ()
    value = root
    for token in pointer.split("/")[1:]:
        step = int(token) if isinstance(value, list) else token.replace("~1", "/").replace("~0", "~")
        try:
            value = value[step]
        except (LookupError, TypeError):  # a pointer that was too long to be told whole
            return path
        path = (*path, step)
    return path


def _dotted(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _close(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known)
    return f", did you mean {close[0]}?" if close else ""


def _found(place: str, code: str, message: str) -> Finding:
    return Finding(place=place[:500], code=code, message=message[:2000])
