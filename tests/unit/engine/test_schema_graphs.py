"""A schema as a graph: where its subschemas stand, where references lead, what applies to which member."""

import json
from typing import Any

import pytest
from airlock_orchestration.engine.schema_graph import (
    SchemaGraph,
    anchors,
    escape,
    follow,
    map_inner,
    subschemas,
)
from airlock_orchestration.engine.schema_recursion import is_recursive, may_double

ONE = [
    "not",
    "if",
    "then",
    "else",
    "additionalProperties",
    "items",
    "contains",
    "unevaluatedItems",
    "unevaluatedProperties",
    "propertyNames",
    "contentSchema",
]
LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"]
MAPS = ["dependentSchemas", "properties", "patternProperties", "$defs", "definitions"]
AGAIN = {"$ref": "#"}


@pytest.mark.parametrize(
    ("keyword", "value", "pointers"),
    [
        *((keyword, {"title": "x"}, [""]) for keyword in ONE),
        *((keyword, [{}, True], ["/0", "/1"]) for keyword in LISTS),
        *((keyword, {"a/b": {}, "c~d": True}, ["/a~1b", "/c~0d"]) for keyword in MAPS),
        *((keyword, {"a": {}}, []) for keyword in LISTS),
        *((keyword, [{}], []) for keyword in MAPS),
        ("const", {"not": {}}, []),
        ("enum", [{"not": {}}], []),
        ("x-own", {"not": {}}, []),
    ],
)
def test_a_subschema_stands_where_a_keyword_says_and_data_is_none(
    keyword: str, value: Any, pointers: list[str]
) -> None:
    found = [pointer for pointer, _ in subschemas({keyword: value})]
    assert found == ["", *(f"/{keyword}{pointer}" for pointer in pointers)]
    marked = map_inner(keyword, value, lambda inner: ("seen", inner))
    assert str(marked).count("'seen'") == len(pointers)
    if not pointers:
        assert marked == value
    elif isinstance(value, list):
        assert marked == [("seen", inner) for inner in value]
    elif pointers != [""]:
        assert marked == {name: ("seen", inner) for name, inner in value.items()}


def test_subschemas_come_in_the_order_of_the_text_each_before_those_inside() -> None:
    schema = {"properties": {"a": {"items": {}}, "b": True}, "not": False, "allOf": [{"not": {}}, {}]}
    assert [pointer for pointer, _ in subschemas(schema)] == [
        "",
        "/properties/a",
        "/properties/a/items",
        "/properties/b",
        "/not",
        "/allOf/0",
        "/allOf/0/not",
        "/allOf/1",
    ]
    assert list(subschemas(True)) == [("", True)]


@pytest.mark.parametrize(("token", "written"), [("a/b", "a~1b"), ("a~b", "a~0b"), ("~1", "~01"), (3, "3")])
def test_a_token_of_a_pointer_is_escaped(token: str | int, written: str) -> None:
    assert escape(token) == written


def test_anchors_are_those_of_subschemas() -> None:
    schema = {
        "$anchor": "top",
        "not": {"$anchor": "inner"},
        "const": {"$anchor": "data"},
        "items": {"$anchor": 5},
    }
    assert anchors(schema) == {"top": schema, "inner": schema["not"]}


DOCUMENT = {
    "$defs": {
        "a/b": {"title": "slash"},
        "c~d": {"title": "tilde"},
        "e f": {"title": "space"},
        "": {"title": "none"},
    },
    "allOf": [{"title": "first"}, {"title": "second"}],
    "not": {"$anchor": "leaf"},
}


@pytest.mark.parametrize(
    ("reference", "leads_to"),
    [
        ("#", DOCUMENT),
        ("", DOCUMENT),
        ("#/$defs/a~1b", {"title": "slash"}),
        ("#/$defs/c~0d", {"title": "tilde"}),
        ("#/$defs/e%20f", {"title": "space"}),
        ("#/$defs/", {"title": "none"}),
        ("#/allOf/1", {"title": "second"}),
        ("#/allOf/1/title", "second"),
        ("#leaf", DOCUMENT["not"]),
        ("#/allOf/2", None),
        ("#/allOf/-1", None),
        ("#/allOf/²", None),
        ("#/allOf/x", None),
        ("#/$defs/nope", None),
        ("#/allOf/1/title/x", None),
        ("#nope", None),
    ],
)
def test_a_reference_leads_to_a_part_of_the_document_or_nowhere(reference: str, leads_to: object) -> None:
    assert follow(DOCUMENT, reference, anchors(DOCUMENT)) == leads_to


def test_only_a_reference_into_the_document_has_a_target() -> None:
    graph = SchemaGraph(DOCUMENT)
    assert graph.target({"$ref": "#leaf"}) == {"$anchor": "leaf"}
    assert [graph.target(schema) for schema in ({}, {"$ref": 5}, {"$ref": "airlock:artifact"})] == [None] * 3


@pytest.mark.parametrize(
    ("schema", "weight"),
    [
        (True, 1),
        ({}, 1),
        ({"properties": {"a": {}, "b": True}}, 2),
        ({"not": {"items": {"prefixItems": [{}, {}]}}}, 5),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"not": {}}, "unused": {"not": {}}}}, 3),
        ({"allOf": [{"$ref": "#/$defs/a"}] * 2, "$defs": {"a": {"not": {}}}}, 7),
        ({"items": AGAIN}, None),
        ({"items": {"items": {"$ref": "#/items"}}}, None),
        ({"dependentSchemas": {"a": {}}, "patternProperties": {"b": {}}}, 3),
    ],
)
def test_a_schema_weighs_its_subschemas_with_references_written_out(schema: Any, weight: int | None) -> None:
    assert SchemaGraph(schema).weight() == weight


@pytest.mark.parametrize(
    ("schema", "value", "cost"),
    [
        ({"not": {}, "if": {}, "then": {}, "else": {}}, 1, 5),
        ({"allOf": [{}, {}], "anyOf": [{}], "oneOf": [{}]}, 1, 5),
        ({"dependentSchemas": {"a": {}}}, 1, 2),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"not": {}}}}, 1, 3),
        ({"properties": {"a": {}, "b": {}}, "additionalProperties": {}}, {"a": 1, "c": 2, "d": 3}, 4),
        ({"unevaluatedProperties": {}, "properties": {"a": {}}}, {"a": 1, "b": 2}, 3),
        ({"patternProperties": {"x": {}}, "properties": {"a": {}}}, {"a": 1, "b": 2}, 4),
        ({"prefixItems": [{}], "items": {}}, [1, 2, 3], 4),
        ({"prefixItems": [{}, {}]}, [1], 2),
        ({"unevaluatedItems": {}}, [1, 2], 3),
        ({"contains": {}, "prefixItems": [{}]}, [1, 2], 4),
        ({"items": {}, "properties": {"a": {}}}, "text", 1),
        ({"items": {"items": {}}}, [["x", "y"], ["z"]], 6),
    ],
)
def test_the_cost_counts_each_subschema_for_each_member_that_it_applies_to(
    schema: Any, value: Any, cost: int
) -> None:
    assert SchemaGraph(schema).cost(value, 1000) == cost
    assert SchemaGraph(schema).cost(value, cost) == cost
    assert SchemaGraph(schema).cost(value, cost - 1) == cost - 1


def test_counting_holds_no_more_than_its_limit_and_what_is_still_open_counts_too() -> None:
    graph = SchemaGraph({"items": AGAIN, "allOf": [{"type": ["array", "integer"]}, {}]})
    value: Any = [[[[[[1]]]]]]
    assert graph.cost(value, 39) == 27
    assert graph.cost(value, 38) == 38
    leaf: dict[str, Any] = {}
    chain: dict[str, Any] = {"allOf": [leaf] * 50}
    for _ in range(30):
        chain = {"not": chain}
    known = SchemaGraph({"allOf": [chain, leaf]})
    assert known.cost(1, 1000) == 83
    assert known.cost(1, 100) == 100


@pytest.mark.parametrize(
    ("schema", "endless"),
    [
        (AGAIN, True),
        ({"allOf": [True, AGAIN]}, True),
        ({"not": {"if": AGAIN}}, True),
        ({"dependentSchemas": {"a": AGAIN}}, True),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, True),
        ({"items": AGAIN}, False),
        ({"allOf": [{}, True], "items": AGAIN}, False),
        (
            {"properties": {"a": AGAIN}, "allOf": [{"$ref": "#/$defs/a"}] * 2, "$defs": {"a": {"not": {}}}},
            False,
        ),
        (
            {
                "anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}],
                "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {}},
            },
            False,
        ),
    ],
)
def test_a_schema_that_applies_itself_to_the_same_value_is_endless(schema: Any, endless: bool) -> None:
    assert SchemaGraph(schema).endless() is endless


@pytest.mark.parametrize(
    ("schema", "recursive", "doubles"),
    [
        ({"items": {}}, False, False),
        ({"items": AGAIN}, True, False),
        ({"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "not": {"$ref": "#/$defs/a"}}, True, False),
        ({"properties": {"a": AGAIN, "b": AGAIN}}, True, False),
        ({"properties": {"a": AGAIN}, "additionalProperties": AGAIN}, True, False),
        ({"additionalProperties": AGAIN, "unevaluatedProperties": AGAIN}, True, True),
        ({"items": AGAIN, "unevaluatedItems": AGAIN}, True, True),
        ({"patternProperties": {"a": AGAIN}}, True, False),
        ({"patternProperties": {"a": AGAIN, "b": AGAIN}}, True, True),
        ({"patternProperties": {"a": AGAIN, "b": {}}}, True, False),
        ({"patternProperties": {"a": AGAIN}, "properties": {"a": AGAIN}}, True, True),
        ({"patternProperties": {"a": AGAIN}, "additionalProperties": AGAIN}, True, True),
        ({"contains": AGAIN}, True, False),
        ({"contains": AGAIN, "prefixItems": [AGAIN]}, True, True),
        ({"contains": AGAIN, "prefixItems": [{}]}, True, False),
        ({"contains": AGAIN, "items": AGAIN}, True, True),
        ({"prefixItems": [AGAIN, AGAIN], "items": AGAIN}, True, False),
        ({"items": AGAIN, "additionalProperties": AGAIN}, True, False),
        ({"allOf": [{"properties": {"a": AGAIN}}, {"properties": {"b": AGAIN}}]}, True, False),
        ({"allOf": [{"properties": {"a": AGAIN}}, {"properties": {"a": AGAIN}}]}, True, True),
        ({"allOf": [{"properties": {name: AGAIN}} for name in "aba"]}, True, True),
        ({"allOf": [{"patternProperties": {name: AGAIN}} for name in "ab"]}, True, True),
        ({"allOf": [{"properties": {"a": AGAIN}}, {"additionalProperties": AGAIN}]}, True, True),
        ({"allOf": [{"additionalProperties": AGAIN}, {"properties": {"a": AGAIN}}]}, True, True),
        ({"allOf": [{"additionalProperties": AGAIN}, {"additionalProperties": AGAIN}]}, True, True),
        ({"allOf": [{"patternProperties": {"a": AGAIN}}, {"properties": {"a": AGAIN}}]}, True, True),
        ({"allOf": [{"prefixItems": [AGAIN]}, {"prefixItems": [{}, AGAIN]}]}, True, False),
        ({"allOf": [{"prefixItems": [AGAIN]}, {"prefixItems": [AGAIN]}]}, True, True),
        ({"allOf": [{"prefixItems": [AGAIN]}, {"items": AGAIN}]}, True, True),
        ({"allOf": [{"items": AGAIN}, {"contains": AGAIN}]}, True, True),
        ({"allOf": [{"contains": AGAIN}, {"prefixItems": [AGAIN]}]}, True, True),
        ({"allOf": [{"items": AGAIN}, {"additionalProperties": AGAIN}]}, True, False),
        ({"anyOf": [{"not": {"items": AGAIN}}, {"if": {"items": AGAIN}}]}, True, True),
        ({"$defs": {"a": {"allOf": [{"items": {"$ref": "#/$defs/a"}}] * 2}}}, True, True),
        ({"items": {"properties": {"a": AGAIN}}, "properties": {"a": {"type": "null"}}}, True, False),
    ],
)
def test_two_ways_to_the_same_member_double_and_ways_to_different_ones_do_not(
    schema: Any, recursive: bool, doubles: bool
) -> None:
    read: Any = json.loads(json.dumps(schema))  # each mention of AGAIN is then a subschema of its own
    assert is_recursive(SchemaGraph(read)) is recursive
    assert may_double(SchemaGraph(read)) is doubles
