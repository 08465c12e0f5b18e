"""What is said of a schema that is not taken, or of a value that does not satisfy one; what is just taken."""

from typing import Any

import pytest
from airlock_orchestration.engine.schema_graph import SchemaGraph
from airlock_orchestration.engine.schemas import (
    DIALECTS,
    MAX_BYTES,
    MAX_COST,
    MAX_DEPTH,
    MAX_FINDINGS,
    MAX_PATTERNS,
    MAX_VALUE_DEPTH,
    MAX_VALUES,
    MAX_WEIGHT,
    SchemaProblem,
    Validator,
    check_schema,
)

LINEAR = "no look-around, no back references, at most 1048576 bytes compiled"
TREE = {"items": {"$ref": "#"}}


def nested(levels: int, value: Any = 1) -> Any:
    for _ in range(levels):
        value = [value]
    return value


def wide(count: int, inner: Any) -> dict[str, Any]:
    return {"properties": {f"p{number}": inner for number in range(count)}}


@pytest.mark.parametrize(
    ("schema", "place", "code", "said"),
    [
        (5, "", "invalid", "a schema is an object or a boolean"),
        ({"const": nested(MAX_DEPTH)}, "", "too_deep", "nested deeper than 64 levels"),
        ({"enum": [{1: 2}]}, "", "invalid", "a key is not a string"),
        ({"const": (1,)}, "", "invalid", "tuple is not a JSON value"),
        ({"const": (1,), "title": "x"}, "", "invalid", "tuple is not a JSON value"),
        ({"enum": [*range(1000), [1] * 1000]}, "", "too_large", "holds more than 2000 values"),
        ({"enum": [1] * (MAX_VALUES - 1)}, "", "too_large", "holds more than 2000 values"),
        (
            {"const": float("nan")},
            "",
            "invalid",
            "not JSON: Out of range float values are not JSON compliant",
        ),
        (
            {"const": "x" * (MAX_BYTES - 11)},
            "",
            "too_large",
            "takes 65537 bytes, at most 65536 are allowed",
        ),
        ({"$dynamicRef": "#x"}, "/$dynamicRef", "unsupported", "$dynamicRef is not supported"),
        ({"$dynamicAnchor": "x"}, "/$dynamicAnchor", "unsupported", "$dynamicAnchor is not supported"),
        ({"$recursiveRef": "#"}, "/$recursiveRef", "unsupported", "$recursiveRef is not supported"),
        ({"$recursiveAnchor": True}, "/$recursiveAnchor", "unsupported", "$recursiveAnchor is not supported"),
        ({"items": {"$vocabulary": {}}}, "/items/$vocabulary", "unsupported", "$vocabulary is not supported"),
        ({"not": {"$id": "x"}}, "/not/$id", "unsupported", "$id stands at the root or nowhere"),
        (
            {"$schema": "x"},
            "/$schema",
            "unsupported",
            f"$schema is {DIALECTS[0]}, at the root, or is left out",
        ),
        (
            {"if": {"$schema": DIALECTS[0]}},
            "/if/$schema",
            "unsupported",
            f"$schema is {DIALECTS[0]}, at the root, or is left out",
        ),
        (
            {"$ref": "http://x.test/"},
            "/$ref",
            "remote_reference",
            "a reference leads into this document or is airlock:artifact, not http://x.test/",
        ),
        ({"$ref": "#/nope"}, "/$ref", "unknown_reference", "#/nope leads to no subschema"),
        (
            {"$ref": "#/$defs/a b", "$defs": {"a b": {}}},
            "",
            "invalid",
            "Invalid URI reference '#/$defs/a b': unexpected character at index 9",
        ),
        ({"$ref": "#"}, "", "endless_reference", "a $ref leads back to itself"),
        (
            {"allOf": [{"pattern": "a"}] * 50 + [{"patternProperties": {"a": True, "b": True}}] * 26},
            "",
            "too_complex",
            "holds 102 patterns, at most 100 are allowed",
        ),
        (
            {"$defs": {"a": wide(70, True)}, **wide(72, {"$ref": "#/$defs/b"})}
            | {"$defs": {"b": wide(69, {"type": "null"})}},
            "",
            "too_complex",
            "with its references written out it holds more than 5000 subschemas",
        ),
        (
            {"type": "objct"},
            "/type",
            "invalid",
            "\"objct\" is not valid under any of the schemas listed in the 'anyOf' keyword",
        ),
        (
            {"pattern": "[a-z]{40000}"},
            "/pattern",
            "bad_pattern",
            f'"[a-z]{{40000}}" is not a "regex": {LINEAR}',
        ),
        (
            {"items": {"pattern": "(?=x)"}},
            "/items/pattern",
            "bad_pattern",
            f'"(?=x)" is not a "regex": {LINEAR}',
        ),
        (
            {"pattern": "((a{1000}){1000}){1000}"},
            "/pattern",
            "bad_pattern",
            f'"((a{{1000}}){{1000}}){{1000}}" is not a "regex": {LINEAR}',
        ),
    ],
)
def test_a_schema_that_is_not_taken_is_told(schema: Any, place: str, code: str, said: str) -> None:
    found = [(finding.place, finding.code, finding.message) for finding in check_schema(schema, "s")]
    assert found == [(f"s{place}", f"schema.{code}", said)]


@pytest.mark.parametrize(
    "schema",
    [
        {"const": nested(MAX_DEPTH - 2)},
        {"enum": list(range(MAX_VALUES - 2))},
        {"const": "x" * (MAX_BYTES - 12)},
        {"allOf": [{"pattern": "a"}] * (MAX_PATTERNS - 2) + [{"patternProperties": {"a": True, "b": True}}]},
        {**wide(70, {"$ref": "#/$defs/b"}), "$defs": {"b": wide(69, {"type": "null"})}},
        {"$schema": DIALECTS[1]},
        {"const": [None, True, 1, 1.5, "x", {"a": []}]},
    ],
)
def test_what_is_just_within_its_limits_is_taken(schema: Any) -> None:
    assert check_schema(schema, "s") == []


def test_the_largest_schema_that_is_taken_has_so_many_subschemas() -> None:
    assert SchemaGraph({**wide(70, {"$ref": "#/$defs/b"}), "$defs": {"b": wide(69, {})}}).weight() == 4971
    exactly = {**wide(70, {"$ref": "#/$defs/b"}), "$defs": {"b": wide(69, {})}, "allOf": [{}] * 29}
    assert SchemaGraph(exactly).weight() == MAX_WEIGHT
    assert check_schema(exactly, "s") == []
    exactly["allOf"].append({})
    assert [finding.code for finding in check_schema(exactly, "s")] == ["schema.too_complex"]


def test_not_more_than_so_many_problems_of_a_schema_are_told() -> None:
    assert len(check_schema(wide(MAX_FINDINGS + 1, {"$ref": "#x"}), "s")) == MAX_FINDINGS


def test_several_things_wrong_with_one_subschema_are_all_told() -> None:
    wrong = {"$id": "x", "$schema": "y", "$dynamicRef": "#z", "$ref": "other"}
    assert [finding.place for finding in check_schema({"items": wrong, "not": {"$ref": "#x"}}, "s")] == [
        "s/items/$dynamicRef",
        "s/items/$id",
        "s/items/$schema",
        "s/items/$ref",
        "s/not/$ref",
    ]


def test_a_long_place_and_a_long_message_keep_both_ends() -> None:
    long = "k" * 600
    found = check_schema({"properties": {long: {"$ref": f"#/{long}"}}}, "s")[0]
    assert found.place == f"s/properties/{'k' * 188} ... {'k' * 290}/$ref"
    assert found.message == f"#/{'k' * 198} ... {'k' * 273} leads to no subschema"


@pytest.mark.parametrize(("length", "said"), [(473, "x" * 473), (474, f"{'x' * 199} ... {'x' * 269}")])
def test_a_value_is_told_whole_or_by_both_ends(length: int, said: str) -> None:
    problem = Validator({"type": "integer"}).problem("x" * length)
    assert problem is not None
    assert problem.message == f'"{said}" is not of type "integer"'


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"type": "null"}, 1, SchemaProblem("", '1 is not of type "null"', "type")),
        (
            {"properties": {"a/b": {"items": {"const": 2}}}},
            {"a/b": [2, 3]},
            SchemaProblem("/a~1b/1", "2 was expected", "const"),
        ),
        ({"required": ["a"]}, {}, SchemaProblem("", '"a" is a required property', "required")),
        (
            {"if": True, "then": {"properties": {"a": False}}},
            {"a": 1},
            SchemaProblem("/a", "False schema does not allow 1", "falseSchema", conditional=True),
        ),
        (
            {"if": False, "else": {"required": ["a"]}},
            {},
            SchemaProblem("", '"a" is a required property', "required", conditional=True),
        ),
        (TREE, nested(MAX_VALUE_DEPTH + 1), SchemaProblem("", "nested deeper than 200 levels", "$ref")),
        (
            {"type": "object"},
            {1: 2},
            SchemaProblem("", "not a JSON value: Dict key must be str or str enum. Got 'int'", ""),
        ),
    ],
)
def test_a_value_is_told_what_is_wrong_with_it(schema: Any, value: Any, problem: SchemaProblem) -> None:
    assert Validator(schema).problem(value) == problem
    assert Validator(schema).problems(value) == [problem]


def test_a_value_of_a_recursive_schema_may_have_so_many_levels() -> None:
    assert Validator(TREE).problem(nested(MAX_VALUE_DEPTH)) is None
    members: Any = 1
    for _ in range(MAX_VALUE_DEPTH + 1):
        members = {"a": members}
    problem = Validator({"additionalProperties": {"$ref": "#"}}).problem(members)
    assert problem == SchemaProblem("", "nested deeper than 200 levels", "$ref")
    assert Validator({"items": {"items": {}}}).problem(nested(MAX_VALUE_DEPTH + 1)) is None


def test_a_value_that_takes_too_much_work_is_told_so() -> None:
    doubling = {"items": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}
    assert Validator(doubling).problem(nested(10)) is None
    assert SchemaGraph(doubling).cost(nested(40), MAX_COST) == MAX_COST
    assert Validator(doubling).problem(nested(40)) == SchemaProblem(
        "", "takes too much work to check against this recursive schema", "$ref"
    )


def test_as_many_problems_are_told_as_are_asked_for() -> None:
    validator = Validator({"items": {"type": "null"}})
    assert validator.problems([None]) == []
    assert len(validator.problems([1] * 100)) == MAX_FINDINGS
    assert [problem.pointer for problem in validator.problems([1, None, 1, 1], limit=2)] == ["/0", "/2"]
