"""What a schema asks of a value is counted as it stands, member by member, and never beyond a limit."""

from typing import Any

import pytest
from airlock_orchestration.engine.schema_graph import SchemaGraph
from airlock_orchestration.engine.schema_recursion import MAX_ROUTES, may_double
from airlock_orchestration.engine.schemas import Validator, check_schema

FAR = 1000


@pytest.mark.parametrize(
    ("schema", "value", "cost"),
    [
        ({"type": "object"}, {"a": 1, "b": 2}, 1),
        ({"properties": {"a": {}, "z": {}}}, {"a": 1, "b": 2}, 2),
        ({"properties": {"a": {}}, "additionalProperties": {}}, {"a": 1, "b": 2, "c": 3}, 4),
        ({"patternProperties": {"^a": {}, "^b": {}}}, {"a": 1, "b": 2}, 5),
        ({"prefixItems": [{}, {}], "items": {}}, [1, 2, 3, 4], 5),
        ({"contains": {"type": "integer"}}, [1, 2, 3], 4),
        ({"properties": {"a": True}}, {"a": 1}, 2),
    ],
)
def test_each_subschema_counts_once_for_each_member_that_it_may_be_applied_to(
    schema: Any, value: Any, cost: int
) -> None:
    assert SchemaGraph(schema).cost(value, FAR) == cost


def test_counting_ends_at_the_limit_however_much_there_is() -> None:
    graph = SchemaGraph({"items": {"$ref": "#"}})
    assert graph.cost([1] * 500, 50) == 50


def test_a_reference_may_lead_to_an_element_of_a_list_by_its_number() -> None:
    schema = {"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {"$ref": "#/prefixItems/1"}}
    assert check_schema(schema, "schema") == []
    assert Validator(schema).problem(["a", 1, 2]) is None
    assert (problem := Validator(schema).problem(["a", 1, "b"])) is not None
    assert problem.pointer == "/2"


def test_of_more_routes_than_anybody_follows_the_worst_is_assumed() -> None:
    def branches(count: int) -> dict[str, Any]:
        # They lead back by way of a leaf, so that few subschemas have them all before them.
        leading = [{"properties": {f"p{n}": {"$ref": "#/$defs/leaf"}}} for n in range(count)]
        return {"anyOf": leading, "$defs": {"leaf": {"items": {"$ref": "#"}}}}

    beside = 2  # the reference that is started from, and the root
    assert not may_double(SchemaGraph(branches(MAX_ROUTES - beside)))
    assert may_double(SchemaGraph(branches(MAX_ROUTES - beside + 1)))
