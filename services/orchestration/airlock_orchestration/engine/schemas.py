"""JSON Schema 2020-12: which schemas we take, and whether a value satisfies one.

What is taken is bounded, so that nobody's schema can hold the process up: size, depth, number of values and
of patterns, and how much work it can ask for. A reference leads into the same document or is exactly
`airlock:artifact`; nothing is ever fetched. Patterns are those of a linear engine (no look-around, no back
references). `format` is an annotation, as the specification has it by default.

Codes of findings: `schema.invalid`, `schema.too_large`, `schema.too_deep`, `schema.too_complex`,
`schema.remote_reference`, `schema.unknown_reference`, `schema.endless_reference`, `schema.bad_pattern`,
`schema.unsupported`.
"""

from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonschema_rs
from airlock_contracts.artifacts import ARTIFACT_SCHEMA, ARTIFACT_SCHEMA_REF
from airlock_contracts.manifest import canonical_json
from airlock_contracts.problems import Finding

from .schema_graph import Schema, SchemaGraph, anchors, escape, follow, map_inner, subschemas
from .schema_recursion import is_recursive, may_double

MAX_BYTES = 64 * 1024
MAX_VALUES = 2000
MAX_DEPTH = 64
"""Levels of JSON: 32 subschemas inside each other, each under its keyword."""
MAX_PATTERNS = 100
"""Each may take PATTERN_BYTES once it is compiled."""
PATTERN_BYTES = 1024 * 1024
MAX_WEIGHT = 5000
"""Subschemas once references are written out."""
MAX_COST = 250_000
"""Applications of a subschema to a value in one check."""
MAX_VALUE_DEPTH = 200
"""Of a value checked against a recursive schema: the compiled code recurses and overflows its stack."""
MAX_MESSAGE = 500
MAX_FINDINGS = 20

DIALECTS = (
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2020-12/schema#",
)
_UNSUPPORTED = ("$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary")
_NOTHING_ELSE = jsonschema_rs.Registry([])


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """Why a value does not satisfy a schema."""

    pointer: str
    """JSON pointer into the value; empty for the whole."""
    message: str
    """At most MAX_MESSAGE characters."""
    keyword: str
    """The schema's keyword that failed: `type`, `required`."""
    conditional: bool = False
    """It stands under `then` or `else`: it holds only because of another part of the value."""


def check_schema(schema: object, place: str) -> list[Finding]:
    """Say what keeps a schema from being registered; empty when nothing does.

    `place` is where the schema stands in what was sent. Never fetches, never recurses.
    """
    if not isinstance(schema, dict | bool):
        return [Finding(place=place, code="schema.invalid", message="a schema is an object or a boolean")]
    if (finding := _check_shape(schema, place)) is not None:
        return [finding]
    findings = _check_keywords(schema, place)
    if findings:
        return findings[:MAX_FINDINGS]
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        return [_finding(error, place)]
    resolved = resolve_artifacts(schema)
    graph = SchemaGraph(resolved)
    if graph.endless():
        return [Finding(place=place, code="schema.endless_reference", message="a $ref leads back to itself")]
    weight = graph.weight()
    if weight is not None and weight > MAX_WEIGHT:
        message = f"with its references written out it holds more than {MAX_WEIGHT} subschemas"
        return [Finding(place=place, code="schema.too_complex", message=message)]
    return _check_compiles(resolved, place)


def resolve_artifacts(schema: Any) -> Any:
    """Return the schema with each `{"$ref": "airlock:artifact"}` replaced by what it means.

    The schema must have passed `check_schema`. What stands beside the reference still applies.
    """
    if not isinstance(schema, dict):
        return schema
    resolved = {keyword: map_inner(keyword, value, resolve_artifacts) for keyword, value in schema.items()}
    if resolved.get("$ref") != ARTIFACT_SCHEMA_REF:
        return resolved
    del resolved["$ref"]
    if not resolved:
        return dict(ARTIFACT_SCHEMA)
    return {**resolved, "allOf": [*resolved.get("allOf", ()), dict(ARTIFACT_SCHEMA)]}


class Validator:
    """A compiled schema. Compiling costs far more than checking: keep it as long as the schema."""

    def __init__(self, schema: Schema) -> None:
        """Compile a schema that passed `check_schema`, artifacts resolved.

        Raises ValueError for a schema that does not compile.
        """
        self._compiled = _compile(schema)
        self._graph = SchemaGraph(schema)
        self._recursive = is_recursive(self._graph)
        self._may_double = self._recursive and may_double(self._graph)

    def problem(self, value: object) -> SchemaProblem | None:
        """Return the first problem of a value, or None when it satisfies the schema."""
        if self._recursive and _deeper(value, MAX_VALUE_DEPTH):
            return SchemaProblem("", f"nested deeper than {MAX_VALUE_DEPTH} levels", "$ref")
        if self._may_double and self._graph.cost(value, MAX_COST) >= MAX_COST:
            return SchemaProblem("", "takes too much work to check against this recursive schema", "$ref")
        try:
            self._compiled.validate(value)
        except jsonschema_rs.ValidationError as error:
            return _problem(error)
        except ValueError as error:  # a lone surrogate, a key that is no string, more than 255 levels
            return SchemaProblem("", _shorten(f"not a JSON value: {error}"), "")
        return None

    def problems(self, value: object, limit: int = MAX_FINDINGS) -> list[SchemaProblem]:
        """Return at most `limit` problems of a value; none when it satisfies the schema.

        The compiled schema collects all of them before we can stop it, so where that could be very many
        only the first is told.
        """
        first = self.problem(value)
        if first is None:
            return []
        if first.keyword in ("", "$ref") or self._graph.cost(value, MAX_COST) >= MAX_COST:
            return [first]
        return [_problem(error) for error in islice(self._compiled.iter_errors(value), limit)]


def _deeper(value: object, levels: int) -> bool:
    """Whether a value is nested deeper, without recursing; level by level, containers only."""
    level = [value]
    for _ in range(levels):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _compile(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    if isinstance(schema, dict) and "$id" in schema:
        # Every reference is local, so the name of the document only opens a way to shadow another one.
        schema = {keyword: value for keyword, value in schema.items() if keyword != "$id"}
    return jsonschema_rs.Draft202012Validator(
        schema,
        offline=True,
        registry=_NOTHING_ELSE,
        pattern_options=jsonschema_rs.RegexOptions(size_limit=PATTERN_BYTES, dfa_size_limit=PATTERN_BYTES),
    )


def _problem(error: jsonschema_rs.ValidationError) -> SchemaProblem:
    pointer = "".join(f"/{escape(token)}" for token in error.instance_path)
    conditional = "then" in error.evaluation_path or "else" in error.evaluation_path
    return SchemaProblem(_shorten(pointer), _shorten(error.message), error.kind.name, conditional)


def _shorten(text: str) -> str:
    """Keep both ends: a message often opens with the value and ends with what is wrong with it."""
    if len(text) <= MAX_MESSAGE:
        return text
    return f"{text[:200]} ... {text[-(MAX_MESSAGE - 205) :]}"


def _check_shape(schema: Schema, place: str) -> Finding | None:
    """Bound the whole before anything recurses into it."""

    def finding(code: str, message: str) -> Finding:
        return Finding(place=place, code=code, message=message)

    count = 0
    stack: list[tuple[object, int]] = [(schema, 1)]
    while stack:
        value, depth = stack.pop()
        count += 1
        if depth > MAX_DEPTH:
            return finding("schema.too_deep", f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                return finding("schema.invalid", "a key is not a string")
            inner = list(value.values())
        elif isinstance(value, list):
            inner = value
        elif value is None or isinstance(value, str | bool | int | float):
            continue
        else:
            return finding("schema.invalid", f"{type(value).__name__} is not a JSON value")
        if count + len(stack) + len(inner) > MAX_VALUES:
            return finding("schema.too_large", f"holds more than {MAX_VALUES} values")
        stack.extend((child, depth + 1) for child in inner)
    try:
        size = len(canonical_json(schema))
    except ValueError as error:  # NaN, Infinity, a lone surrogate, an integer of thousands of digits
        return finding("schema.invalid", _shorten(f"not JSON: {error}"))
    if size > MAX_BYTES:
        return finding("schema.too_large", f"takes {size} bytes, at most {MAX_BYTES} are allowed")
    return None


def _check_keywords(root: object, place: str) -> list[Finding]:
    findings: list[Finding] = []

    def add(pointer: str, code: str, message: str) -> None:
        findings.append(Finding(place=f"{place}{_shorten(pointer)}", code=code, message=_shorten(message)))

    named = anchors(root)
    inside = list(subschemas(root))
    known = {id(schema) for _, schema in inside}
    patterns = 0
    for pointer, schema in inside:
        if not isinstance(schema, dict):
            continue
        for keyword in _UNSUPPORTED:
            if keyword in schema:
                add(f"{pointer}/{keyword}", "schema.unsupported", f"{keyword} is not supported")
        if pointer and "$id" in schema:
            add(f"{pointer}/$id", "schema.unsupported", "$id stands at the root or nowhere")
        if "$schema" in schema and (pointer or schema["$schema"] not in DIALECTS):
            message = f"$schema is {DIALECTS[0]}, at the root, or is left out"
            add(f"{pointer}/$schema", "schema.unsupported", message)
        patterns += "pattern" in schema
        patterns += len(inner) if isinstance(inner := schema.get("patternProperties"), dict) else 0
        reference = schema.get("$ref")
        if not isinstance(reference, str) or reference == ARTIFACT_SCHEMA_REF:
            continue
        if not reference.startswith("#"):
            message = f"a reference leads into this document or is {ARTIFACT_SCHEMA_REF}, not {reference}"
            add(f"{pointer}/$ref", "schema.remote_reference", message)
        elif id(follow(root, reference, named)) not in known:
            add(f"{pointer}/$ref", "schema.unknown_reference", f"{reference} leads to no subschema")
    if patterns > MAX_PATTERNS:
        add("", "schema.too_complex", f"holds {patterns} patterns, at most {MAX_PATTERNS} are allowed")
    return findings


def _check_compiles(schema: Schema, place: str) -> list[Finding]:
    try:
        _compile(schema)
    except jsonschema_rs.ValidationError as error:
        return [_finding(error, place)]
    return []


def _finding(error: jsonschema_rs.ValidationError, place: str) -> Finding:
    problem = _problem(error)
    code, message = "schema.invalid", problem.message
    if problem.message.endswith('is not a "regex"'):
        code = "schema.bad_pattern"
        message += f": no look-around, no back references, at most {PATTERN_BYTES} bytes compiled"
    return Finding(place=place + problem.pointer, code=code, message=message)
