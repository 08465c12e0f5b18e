"""Values made from schemas satisfy them, as Airlock itself sees it; what is not understood says so."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from airlock_orchestration.engine.schemas import Validator, resolve_artifacts
from airlock_sdk.testing import UnsupportedSchema, example, examples, mismatch
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[3]
MANIFESTS = [
    *sorted((ROOT / "services/agents/airlock_agents/builtin").glob("*/agent.yaml")),
    *sorted((ROOT / "examples/agents").glob("*/agent.yaml")),
]
SCHEMAS = [
    (f"{path.parent.name}.{name}.{field}", action[field])
    for path in MANIFESTS
    for name, action in yaml.safe_load(path.read_text())["actions"].items()
    for field in ("input_schema", "output_schema")
]
HARD: dict[str, dict[str, Any]] = {
    "either": {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "string", "minLength": 2}]},
    "exactly one": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    },
    "if, then": {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": ["file", "none"]}, "path": {"type": "string"}},
        "if": {"properties": {"kind": {"const": "file"}}},
        "then": {"required": ["path"]},
        "else": {"properties": {"path": False}},
    },
    "all of, closed": {
        "allOf": [
            {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "integer"}}},
            {"properties": {"a": {"minimum": 7}, "b": {"type": "string"}}},
        ]
    },
    "bounds": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "multipleOf": 0.25},
    "below zero": {"type": "integer", "maximum": -5},
    "unique": {"type": "array", "uniqueItems": True, "minItems": 2, "items": {"enum": ["a", "b", "c"]}},
    "tuple": {"type": "array", "prefixItems": [{"type": "string"}], "items": False, "minItems": 1},
    "map": {"type": "object", "minProperties": 2, "additionalProperties": {"type": "boolean"}},
    "not": {"type": "string", "minLength": 1, "not": {"const": "a"}},
    "pattern": {"type": "string", "pattern": r"^(v\d+\.\d+|[^\s/]{3,8}-\w+)$", "maxLength": 20},
    "pattern within": {"type": "string", "pattern": "x+y", "minLength": 9},
    "recursive": {
        "$ref": "#/$defs/tree",
        "$defs": {
            "tree": {
                "type": "object",
                "required": ["name", "children"],
                "properties": {
                    "name": {"type": "string", "maxLength": 3},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
                },
            }
        },
    },
    "linked list": {
        "type": "object",
        "required": ["next"],
        "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    },
    "needs another": {
        "type": "object",
        "properties": {"a": {}, "b": {"type": "null"}},
        "dependentRequired": {"a": ["b"]},
    },
    "needs a schema": {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"enum": ["a", "file"]}, "path": {"type": "string"}},
        "dependentSchemas": {
            "name": {"required": ["kind"], "properties": {"kind": {"type": "integer"}}},
            "path": {"properties": {"name": {"const": "file"}}, "minProperties": 3},
        },
    },
    "needs, as it was once written": {
        "type": "object",
        "properties": {"a": {}, "b": {"type": "null"}},
        "dependencies": {"a": ["b"], "b": {"minProperties": 3}},
    },
    "names by pattern": {
        "type": "object",
        "minProperties": 2,
        "patternProperties": {"^x-[a-z]{2,4}$": {"type": "integer", "minimum": 1}, "^n": {"type": "string"}},
        "additionalProperties": False,
    },
    "a name of a pattern": {
        "type": "object",
        "required": ["x-one", "other"],
        "properties": {"x-one": {"maximum": 3}},
        "patternProperties": {"^x-": {"type": "integer", "minimum": 3}},
        "additionalProperties": {"type": "boolean"},
    },
    "names that fit": {
        "type": "object",
        "minProperties": 3,
        "propertyNames": {"pattern": "^[a-z]{2}[0-9]$", "maxLength": 3},
        "additionalProperties": {"type": "null"},
    },
    "names of a list": {
        "type": "object",
        "minProperties": 2,
        "propertyNames": {"enum": ["kind", "path", "name"]},
        "properties": {"a": {"type": "integer"}},
    },
    "contains": {"type": "array", "items": {"type": ["integer", "string"]}, "contains": {"minimum": 5}},
    "contains some, not too many": {
        "type": "array",
        "items": {"enum": ["a", "b", "file"]},
        "contains": {"const": "a"},
        "minContains": 2,
        "maxContains": 3,
        "maxItems": 6,
    },
    "contains behind a tuple": {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "integer"}],
        "contains": {"type": "boolean"},
        "unevaluatedItems": False,
    },
    "contains none": {"type": "array", "contains": {"type": "string"}, "minContains": 0, "maxContains": 1},
    "closed over all its parts": {
        "type": "object",
        "$ref": "#/$defs/base",
        "properties": {"kind": {"const": "file"}},
        "anyOf": [
            {"required": ["path"], "properties": {"path": {"type": "string"}}},
            {"required": ["next"], "properties": {"next": {"type": "null"}}},
        ],
        "unevaluatedProperties": False,
        "$defs": {"base": {"required": ["name"], "properties": {"name": {"type": "string"}}}},
    },
    "others of one kind": {
        "type": "object",
        "minProperties": 3,
        "properties": {"a": {"type": "string"}},
        "unevaluatedProperties": {"type": "integer"},
    },
    "an anchor": {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"$ref": "#word"}},
        "$defs": {"w": {"$anchor": "word", "type": "string", "minLength": 2}},
    },
    "several patterns": {
        "allOf": [{"type": "string", "pattern": "^v"}, {"pattern": "[0-9]$"}, {"pattern": "-"}]
    },
    "several steps": {
        "allOf": [{"type": "integer", "multipleOf": 4}, {"multipleOf": 2.5}, {"minimum": 1, "maximum": 45}]
    },
    "several tuples": {
        "allOf": [
            {"type": "array", "prefixItems": [{"type": "integer"}], "minItems": 2},
            {"prefixItems": [{"minimum": 3}, {"type": "string"}], "items": {"type": "null"}},
        ]
    },
    "the end of a text": {"type": "string", "pattern": "^a$"},
    "not an object": {"not": {"type": "object"}},
    "a keyword that nobody knows": {"type": "integer", "x-order": 3, "minimum": 2},
    "an empty word": {"type": "object", "required": [""], "properties": {"": {"const": None}}},
}


def problem(schema: dict[str, Any], value: object) -> str | None:
    """What Airlock itself says of a value."""
    found = Validator(resolve_artifacts(schema)).problem(value)
    return f"{found.pointer}: {found.message}" if found else None


@pytest.mark.parametrize(("name", "schema"), SCHEMAS, ids=[name for name, _ in SCHEMAS])
def test_what_is_made_for_every_agent_satisfies_its_schemas(name: str, schema: dict[str, Any]) -> None:
    validator = Validator(resolve_artifacts(schema))
    made = examples(schema, 60, seed=7)
    assert [found for one in made if (found := validator.problem(one)) is not None] == [], name


@pytest.mark.parametrize("name", HARD)
def test_what_is_made_for_a_hard_schema_satisfies_it(name: str) -> None:
    validator = Validator(HARD[name])
    for value in (example(HARD[name]), *examples(HARD[name], 100, seed=3)):
        assert validator.problem(value) is None, value


def test_the_same_seed_makes_the_same_values_and_another_makes_others() -> None:
    schema = SCHEMAS[0][1]
    assert examples(schema, 30, seed=1) == examples(schema, 30, seed=1)
    assert examples(schema, 30, seed=1) != examples(schema, 30, seed=2)
    assert example(schema) == examples(schema, 3, seed=5)[0]


def test_the_example_is_the_simplest_value_with_what_is_given() -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["count"],
        "properties": {"count": {"type": "integer", "minimum": 2}, "note": {"type": "string"}},
    }
    assert example(schema) == {"count": 2}
    assert example(schema, note="hello") == {"count": 2, "note": "hello"}
    with pytest.raises(ValueError, match=r"/count: not of type integer"):
        example(schema, count="three")


def test_what_is_wrong_is_said_with_its_place_as_a_pointer() -> None:
    schema = {"additionalProperties": {"items": {"type": "integer"}}, "propertyNames": {"maxLength": 3}}
    assert mismatch(schema, {"a/b": [1, "x"]}) == "/a~1b/1: not of type integer"
    assert mismatch(schema, {"long": []}) == "/: the name 'long': 4 characters"
    assert mismatch({"contains": {"const": 1}, "maxContains": 1}, [1, 1]) == (
        "/: contains 2 of what it should contain"
    )
    assert mismatch({"properties": {"a": {}}, "unevaluatedProperties": False}, {"b": 1}) == (
        "/: b is not expected"
    )


def test_a_variety_reaches_the_bounds_and_leaves_out_what_may_be_missing() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}, "s": {"type": "string"}},
    }
    made = examples(schema, 100)
    assert {1, 9} <= {one["n"] for one in made if "n" in one}
    assert {frozenset(one) for one in made} >= {frozenset(), frozenset({"n"}), frozenset({"n", "s"})}
    pair = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False}
    assert example(pair) == [0, "a"]
    assert {len(one) for one in examples(pair, 40)} == {0, 1, 2}
    artifact = {"$ref": "airlock:artifact"}
    assert mismatch(artifact, example(artifact) | {"media_type": "application/sarif+json"}) is None


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$dynamicRef": "#x"}, "do not understand .dynamicRef"),
        ({"properties": {"a": {"$ref": "#nowhere"}}, "required": ["a"]}, "#nowhere leads nowhere"),
        ({"$ref": "#"}, "choices without end|round in a circle"),
        ({"type": "string", "pattern": "(?=a)b"}, "make this value by hand"),
        ({"type": "string", "pattern": r"\p{Lu}"}, "no pattern"),
        ({"type": "array", "contains": {}, "maxItems": 0}, "found no value"),
        ({"propertyNames": False, "type": "object", "minProperties": 1}, "found no value"),
        ({"$ref": "other.json"}, "leads out of the schema"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "found no value"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "found no value"),
    ],
)
def test_what_is_not_understood_is_said(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedSchema, match=said):
        example(schema)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.sampled_from([1.0, 2.5, "", "a", "file", "v1.2", "xxxxxxxxy", "a\n", "x-ab", "v123"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "kind", "path", "name", "next", "x-ab", ""]), inner)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(["a", "b", "x-ab"])
PATTERNS = st.sampled_from(["^x-", "b$", "^[a-b]$", "a"])
COUNTS = st.integers(0, 3)


def objects(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas with some of these keywords."""
    return st.fixed_dictionaries({}, optional=keywords)


def inside(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=2)
    return (
        objects(
            type=st.sampled_from(["object", ["object", "array"]]),
            properties=st.dictionaries(NAMES, inner, max_size=2),
            patternProperties=st.dictionaries(PATTERNS, inner, max_size=2),
            additionalProperties=inner,
            unevaluatedProperties=inner,
            required=st.lists(NAMES, unique=True, max_size=2),
            propertyNames=objects(pattern=PATTERNS, maxLength=COUNTS),
            dependentSchemas=st.dictionaries(NAMES, inner, max_size=2),
            dependentRequired=st.dictionaries(NAMES, st.lists(NAMES, unique=True, max_size=2), max_size=2),
            minProperties=COUNTS,
            maxProperties=COUNTS,
        )
        | objects(
            type=st.just("array"),
            prefixItems=some,
            items=inner,
            contains=inner,
            minContains=COUNTS,
            maxContains=COUNTS,
            unevaluatedItems=inner,
            uniqueItems=st.booleans(),
            maxItems=COUNTS,
        )
        | objects(allOf=some, anyOf=some, oneOf=some)
        | st.fixed_dictionaries({"if": inner}, optional={"then": inner, "else": inner})
        | st.fixed_dictionaries({"not": inner})
        | st.fixed_dictionaries({"allOf": some, "unevaluatedProperties": inner, "unevaluatedItems": inner})
    )


ANY_SCHEMA = st.recursive(
    st.booleans()
    | objects(type=st.sampled_from(["string", "integer", "number", "null", "boolean", "object", "array"]))
    | objects(enum=st.lists(VALUES, min_size=1, max_size=3))
    | objects(minimum=COUNTS, exclusiveMaximum=st.integers(2, 9), multipleOf=st.sampled_from([1, 2, 0.5]))
    | objects(minLength=COUNTS, maxLength=COUNTS, pattern=PATTERNS),
    inside,
    max_leaves=8,
)


@given(name=st.sampled_from(sorted(HARD)), value=VALUES)
def test_the_factories_own_check_agrees_with_airlocks(name: str, value: object) -> None:
    assert (mismatch(HARD[name], value) is None) == (problem(HARD[name], value) is None)


@given(schema=ANY_SCHEMA.filter(lambda one: isinstance(one, dict)), value=VALUES)
@settings(max_examples=150)
def test_it_agrees_with_airlocks_on_any_schema(schema: dict[str, Any], value: object) -> None:
    assert (mismatch(schema, value) is None) == (problem(schema, value) is None)


@given(schema=ANY_SCHEMA.filter(lambda one: isinstance(one, dict)))
@settings(max_examples=100)
def test_what_is_made_for_any_schema_satisfies_it_or_there_is_said_to_be_none(schema: dict[str, Any]) -> None:
    with suppress(UnsupportedSchema):
        made = examples(schema, 3)
        assert [found for one in made if (found := problem(schema, one)) is not None] == []
