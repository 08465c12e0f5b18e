"""Values made from schemas satisfy them, as Airlock itself sees it; what is not understood says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from airlock_orchestration.engine.schemas import Validator, resolve_artifacts
from airlock_sdk.testing import UnsupportedSchema, example, examples, mismatch
from hypothesis import given
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


def test_a_variety_reaches_the_bounds_and_leaves_out_what_may_be_missing() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}, "s": {"type": "string"}},
    }
    made = examples(schema, 100)
    assert {1, 9} <= {one["n"] for one in made if "n" in one}
    assert {frozenset(one) for one in made} >= {frozenset(), frozenset({"n"}), frozenset({"n", "s"})}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"patternProperties": {"^x": {}}}, "do not understand patternProperties"),
        ({"type": "string", "pattern": "(?=a)b"}, "make this value by hand"),
        ({"type": "array", "contains": {}}, "do not understand contains"),
        ({"$ref": "other.json"}, "leads out of the schema"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "found no value"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "found no value"),
    ],
)
def test_what_is_not_understood_is_said(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedSchema, match=said):
        example(schema)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.sampled_from(["", "a", "file", "v1.2", "xxxxxxxxy"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "kind", "path", "name", "next"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(name=st.sampled_from(sorted(HARD)), value=VALUES)
def test_the_factories_own_check_agrees_with_airlocks(name: str, value: object) -> None:
    assert (mismatch(HARD[name], value) is None) == (problem(HARD[name], value) is None)
