"""Which types may stand at a path of a schema, and what is said where none may."""

from typing import Any

import pytest
from airlock_orchestration.engine.expressions import Path
from airlock_orchestration.engine.schema_paths import (
    ANYTHING,
    MAX_OPEN,
    MAX_STEPS,
    NOTHING,
    Possible,
    SchemaPaths,
    spell,
    type_of,
)
from airlock_orchestration.engine.schemas import check_schema

NUMBERS = {"number", "integer"}
CLOSED = {
    "properties": {"file": {"type": "string"}, "line": {"type": "integer"}},
    "additionalProperties": False,
}
LISTED: dict[str, Any] = {"prefixItems": [{"type": "null"}, {"items": {"type": "string"}}], "maxItems": 9}


@pytest.mark.parametrize(
    ("schema", "path", "types"),
    [
        (True, (), ANYTHING),
        ({}, ("a", 0), ANYTHING),
        ({"type": "string"}, (), {"string"}),
        ({"type": ["string", "null"]}, (), {"string", "null"}),
        ({"type": "number"}, (), NUMBERS),
        ({"type": ["number", "null"]}, (), NUMBERS | {"null"}),
        ({"const": "x"}, (), {"string"}),
        ({"const": 1, "type": ["number", "string"]}, (), {"integer"}),
        ({"enum": [1, "x", None]}, (), {"integer", "string", "null"}),
        ({"enum": [1, "x"], "type": ["string", "null"]}, (), {"string"}),
        (CLOSED, ("line",), {"integer"}),
        ({"additionalProperties": {"type": "string"}}, ("any",), {"string"}),
        ({"additionalProperties": {"items": {"type": "null"}}}, ("any", 3), {"null"}),
        ({"additionalProperties": True}, ("any", "thing"), ANYTHING),
        ({"patternProperties": {"x": {"type": "null"}}, "additionalProperties": False}, ("x",), ANYTHING),
        (LISTED, (0,), {"null"}),
        (LISTED, (1, 0), {"string"}),
        (LISTED, (2,), ANYTHING),
        (LISTED, (8,), ANYTHING),
        ({**LISTED, "items": {"type": "boolean"}}, (2,), {"boolean"}),
        ({"items": True}, (2,), ANYTHING),
        ({"items": {"properties": {"a": {"type": "null"}}}}, (7, "a"), {"null"}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array"}}}, (), {"array"}),
        ({"$ref": "#/$defs/a", "$defs": {"a": CLOSED}}, ("file",), {"string"}),
        ({"items": {"$ref": "#"}, "type": ["array", "null"]}, (0, 0), {"array", "null"}),
        ({"allOf": [{"type": ["string", "null"]}, {"type": ["string", "array"]}]}, (), {"string"}),
        ({"allOf": [CLOSED, {"properties": {"line": {"const": 1}}}]}, ("line",), {"integer"}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, (), {"string", "null"}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, (), {"string", "null"}),
        ({"anyOf": [CLOSED, {"type": "string"}]}, ("file",), {"string"}),
        ({"anyOf": [{"type": "string"}, CLOSED, {"type": "null"}]}, ("file",), {"string"}),
        ({"type": ["string", "null"], "anyOf": [{"type": "string"}, {"type": "array"}]}, (), {"string"}),
    ],
)
def test_types_that_may_stand_at_a_path(schema: Any, path: Path, types: set[str]) -> None:
    assert check_schema(schema, "s") == []
    assert SchemaPaths(schema).at(path) == Possible(frozenset(types))


@pytest.mark.parametrize(
    ("schema", "path", "reason"),
    [
        (False, (), "nothing is allowed there"),
        ({"properties": {"a": False}}, ("a",), "nothing is allowed there"),
        ({"enum": []}, (), "no type satisfies the schema there"),
        ({"const": 1, "type": "string"}, (), "no type satisfies the schema there"),
        ({"allOf": [{"type": "string"}, {"type": "null"}]}, (), "no type satisfies the schema there"),
        ({"allOf": [CLOSED, {"type": "array"}]}, ("file",), "the property 'file' of array"),
        ({"allOf": [{"type": "array"}, CLOSED]}, ("file",), "the property 'file' of array"),
        ({"allOf": [CLOSED, {"type": "array"}]}, ("nope",), "no property 'nope'; there are file, line"),
        ({"type": ["array", "null"]}, ("a",), "the property 'a' of array or null"),
        ({"type": ["object", "number"]}, (0,), "[0] of number or object"),
        ({"type": "string"}, ("k" * 201,), f"the property {'k' * 200!r} of string"),
        (CLOSED, ("lime",), "no property 'lime'; did you mean 'line'?"),
        (CLOSED, ("zzz",), "no property 'zzz'; there are file, line"),
        ({"additionalProperties": False}, ("k" * 201,), f"no property {'k' * 200!r}"),
        ({"additionalProperties": False}, ("a",), "no property 'a'"),
        (LISTED, (9,), "[9] of a list of at most 9 items"),
        ({"prefixItems": [{}, {}], "items": False}, (2,), "[2] of a list of at most 2 items"),
        ({"items": False}, (0,), "[0] of a list of at most 0 items"),
        ({"oneOf": [CLOSED, {"type": "null"}]}, ("nope",), "no property 'nope'; there are file, line"),
        ({"oneOf": [{"type": "null"}, CLOSED]}, ("nope",), "the property 'nope' of null"),
        ({}, ("a",) * (MAX_STEPS + 1), "more than 64 steps"),
    ],
)
def test_a_path_that_cannot_be_is_told_why(schema: Any, path: Path, reason: str) -> None:
    assert check_schema(schema, "s") == []
    assert SchemaPaths(schema).at(path) == Possible(NOTHING, reason)


def test_as_many_steps_as_a_value_has_levels_are_followed() -> None:
    assert SchemaPaths({"items": {"$ref": "#"}}).at((0,) * MAX_STEPS) == Possible(ANYTHING)


def test_of_many_properties_the_closest_is_offered_or_the_first_are_listed() -> None:
    many: dict[str, Any] = {f"p{number:02}": {} for number in range(30)}
    paths = SchemaPaths({"properties": many, "additionalProperties": False})
    listed = ", ".join(sorted(many)[:20])
    assert paths.at(("zzz",)).reason == f"no property 'zzz'; there are {listed}"
    long = SchemaPaths({"properties": {"k" * 500: {}}, "additionalProperties": False})
    assert long.at(("a",)).reason == f"no property 'a'; there are {'k' * 388}"
    # Only the first 200 characters are compared: of 201 the known one would be too little.
    short = SchemaPaths({"properties": {"k" * 86: {}}, "additionalProperties": False})
    assert short.at(("k" * 201,)).reason == f"no property {'k' * 200!r}; did you mean {'k' * 86!r}?"


@pytest.mark.parametrize("keyword", ["$ref", "allOf", "anyOf"])
def test_references_that_lead_far_are_followed_so_far_and_rule_nothing_out_beyond(keyword: str) -> None:
    def chain(length: int) -> dict[str, Any]:
        def to(number: int) -> dict[str, Any]:
            reference = {"$ref": f"#/$defs/a{number}"}
            return reference if keyword == "$ref" else {keyword: [reference]}

        return {
            **to(0),
            "$defs": {**{f"a{i}": to(i + 1) for i in range(length)}, f"a{length}": {"type": "null"}},
        }

    schemas_on_the_way = 1 if keyword == "$ref" else 2
    near, far = (MAX_OPEN - 1) // schemas_on_the_way - 1, 300
    assert check_schema(chain(far), "s") == []
    assert SchemaPaths(chain(near)).at(()).types == {"null"}
    assert SchemaPaths(chain(far)).at(()).types == ANYTHING


def test_what_was_looked_at_before_does_not_let_one_look_further() -> None:
    def chain(name: str, end: dict[str, Any]) -> dict[str, Any]:
        return {**{f"{name}{i}": {"$ref": f"#/$defs/{name}{i + 1}"} for i in range(100)}, f"{name}100": end}

    beside = [{"description": str(number)} for number in range(100)]
    middle = {"allOf": [*beside, {"$ref": "#/$defs/b0"}]}
    schema = {"$ref": "#/$defs/a0", "$defs": {**chain("a", middle), **chain("b", {"type": "null"})}}
    assert check_schema(schema, "s") == []
    assert SchemaPaths(schema).at(()).types == ANYTHING


def test_one_answer_does_not_narrow_how_far_the_next_one_looks() -> None:
    paths = SchemaPaths({"items": {"type": "null"}})
    for index in range(2 * MAX_OPEN):
        assert paths.at((index,)).types == {"null"}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "boolean"),
        (0, "integer"),
        (2.0, "integer"),
        (2.5, "number"),
        ("", "string"),
        ([], "array"),
        ({}, "object"),
    ],
)
def test_a_value_has_one_type(value: object, name: str) -> None:
    assert type_of(value) == name


@pytest.mark.parametrize(
    ("types", "words"),
    [
        (ANYTHING, "any type"),
        (NOTHING, "no type"),
        (frozenset({"string"}), "string"),
        (frozenset({"integer", "string"}), "integer or string"),
        (frozenset({"integer", "number", "null"}), "null or number"),
    ],
)
def test_types_are_spelled_for_people(types: frozenset[str], words: str) -> None:
    assert spell(types) == words
