"""A recursive schema, and whatever else asks for much work, is checked in bounded time and space."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from airlock_orchestration.engine.schema_graph import SchemaGraph, subschemas
from airlock_orchestration.engine.schema_recursion import may_double
from airlock_orchestration.engine.schemas import Validator, check_schema
from hypothesis import given
from hypothesis import strategies as st


def branching(keyword: str) -> dict[str, Any]:
    """A schema that refers to itself twice for the same member."""
    again = {"properties": {"a": {"$ref": "#/$defs/n"}}}
    tree = {keyword: [{"type": "object", **again, "required": ["a"]}, {"type": "object", **again}]}
    return {"$ref": "#/$defs/n", "$defs": {"n": tree}}


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas made of schemas, by every kind of keyword."""
    one = st.sampled_from(["items", "contains", "additionalProperties", "not"])
    named = st.dictionaries(st.sampled_from("ab"), inner, min_size=1, max_size=2)
    listed = st.lists(inner, min_size=1, max_size=2)
    return st.one_of(
        st.dictionaries(one, inner, min_size=1, max_size=2),
        named.map(lambda properties: {"properties": properties}),
        st.builds(lambda a, b: {"properties": a, "additionalProperties": b}, named, inner),
        listed.map(lambda branches: {"anyOf": branches}),
        st.builds(lambda a, b: {"allOf": a, "items": b}, listed, inner),
    )


@contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.thread_time()
    yield
    assert time.thread_time() - start < seconds


def test_a_value_nested_deeper_than_the_validator_goes_is_a_problem_and_no_crash() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    for schema in ({"items": {"$ref": "#"}}, {"allOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}]}):
        assert Validator(schema).problem(value) is not None
        assert len(Validator(schema).problems(value)) == 1
    assert Validator({"type": "string"}).problem(value) is not None
    while isinstance(value, list):  # taken apart by hand: freeing it whole would recurse
        value = value.pop()


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_a_schema_that_doubles_its_work_with_each_level_gives_up_instead(keyword: str) -> None:
    value: Any = None
    for _ in range(60):
        value = {"a": value}
    validator = Validator(branching(keyword))
    with within(5):
        problems = validator.problems(value)
    assert problems != []
    assert len(problems) <= 20
    shallow: Any = {"a": {"a": {}}}
    assert (Validator(branching("anyOf")).problem(shallow)) is None


ANY_JSON = {
    "$ref": "#/$defs/j",
    "$defs": {
        "j": {
            "anyOf": [
                {"type": ["string", "number", "boolean", "null"]},
                {"type": "array", "items": {"$ref": "#/$defs/j"}},
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/j"}},
            ]
        }
    },
}
TREE = {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}}


@pytest.mark.parametrize(
    ("schema", "doubles"),
    [
        ({"properties": {"a": {"properties": {"a": {}}}}}, False),
        (ANY_JSON, False),
        (TREE, False),
        ({"prefixItems": [{"$ref": "#"}], "items": {"$ref": "#"}}, False),
        ({"items": {"items": {"$ref": "#"}}, "properties": {"a": {"$ref": "#"}}}, False),
        (branching("allOf"), True),
        ({"items": {"$ref": "#"}, "contains": {"$ref": "#"}}, True),
        ({"properties": {"a": {"$ref": "#"}}, "patternProperties": {"a": {"$ref": "#"}}}, True),
        ({"properties": {"a": {"$ref": "#"}}, "allOf": [{"additionalProperties": {"$ref": "#"}}]}, True),
        ({"items": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}, True),
        ({"items": {"$ref": "#"}, "not": {"prefixItems": [{"$ref": "#"}]}}, True),
    ],
)
def test_a_schema_that_meets_itself_twice_for_one_member_is_known(schema: Any, doubles: bool) -> None:
    assert check_schema(schema, "s") == []
    assert may_double(SchemaGraph(schema)) is doubles


@given(st.recursive(st.just({"$ref": "#"}) | st.just({}), _grown, max_leaves=6))
def test_what_does_not_double_costs_in_proportion_to_the_value(schema: Any) -> None:
    graph = SchemaGraph(schema)
    if check_schema(schema, "s") == [] and not may_double(graph):
        value: Any = {}
        for _ in range(30):
            value = {"a": value, "b": [value]} if len(str(value)) < 500 else {"a": [value]}
        nodes = str(value).count("{") + str(value).count("[")
        subs = sum(1 for _ in subschemas(schema))
        assert graph.cost(value, 10**6) <= nodes * subs * 2


def test_a_large_value_against_a_recursive_schema_is_checked_quickly() -> None:
    findings = [{"file": f"src/a{i}.py", "line": i, "message": "x" * 10} for i in range(8000)]
    validator = Validator(ANY_JSON)
    with within(0.5):
        assert validator.problem(findings) is None


def test_a_flat_bomb_of_errors_is_bounded() -> None:
    validator = Validator({"items": {"allOf": [{"type": "integer"}] * 400}})
    with within(5):
        assert len(validator.problems(["x"] * 50_000)) == 1
