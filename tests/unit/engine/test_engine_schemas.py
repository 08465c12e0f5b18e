"""Which schemas are taken, and what a value that does not satisfy one is told."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from airlock_contracts.artifacts import ARTIFACT_SCHEMA
from airlock_orchestration.engine.schemas import (
    DIALECTS,
    MAX_MESSAGE,
    SchemaProblem,
    Validator,
    check_schema,
    resolve_artifacts,
)
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
WORDS = st.sampled_from(
    [
        "type",
        "properties",
        "items",
        "$ref",
        "$defs",
        "anyOf",
        "not",
        "pattern",
        "$id",
        "enum",
        "required",
        "a",
    ]
)
VALUES = st.sampled_from(
    ["string", "object", "#", "#/$defs/a", "#/properties/a", "http://x.test/", "(", 1, True]
)
LIKE_SCHEMAS = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"properties": {"a": schema}}
    return schema


def doubling(keyword: str, levels: int) -> dict[str, Any]:
    """Two references to two references, and so on."""
    defs: dict[str, Any] = {
        f"a{i}": {keyword: [{"$ref": f"#/$defs/a{i + 1}"}, {"$ref": f"#/$defs/a{i + 1}"}]}
        for i in range(levels)
    }
    return {"$ref": "#/$defs/a0", "$defs": {**defs, f"a{levels}": {"type": "string"}}}


@contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.thread_time()
    yield
    assert time.thread_time() - start < seconds


@pytest.mark.parametrize(
    ("schema", "place", "code"),
    [
        (5, "", "schema.invalid"),
        (None, "", "schema.invalid"),
        ({"type": "objct"}, "/type", "schema.invalid"),
        ({"properties": {"a": {"minimum": "x"}}}, "/properties/a/minimum", "schema.invalid"),
        ({"items": [{"type": "string"}]}, "/items", "schema.invalid"),
        ({1: 2}, "", "schema.invalid"),
        ({"const": float("nan")}, "", "schema.invalid"),
        ({"const": "\ud800"}, "", "schema.invalid"),
        ({"const": object()}, "", "schema.invalid"),
        ({"const": 10**5000}, "", "schema.invalid"),
        (nested(10_000), "", "schema.too_deep"),
        (nested(33), "", "schema.too_deep"),
        ({"enum": list(range(100_000))}, "", "schema.too_large"),
        ({"description": "x" * 5_000_000}, "", "schema.too_large"),
        ({"$ref": "http://127.0.0.1:9/x"}, "/$ref", "schema.remote_reference"),
        ({"$ref": "file:///etc/passwd"}, "/$ref", "schema.remote_reference"),
        ({"$ref": "other.json"}, "/$ref", "schema.remote_reference"),
        ({"$ref": DIALECTS[0]}, "/$ref", "schema.remote_reference"),
        ({"$ref": "airlock:artifact#"}, "/$ref", "schema.remote_reference"),
        ({"items": {"anyOf": [{"$ref": "//x"}]}}, "/items/anyOf/0/$ref", "schema.remote_reference"),
        ({"$defs": {"a/b": {"$ref": "x"}}}, "/$defs/a~1b/$ref", "schema.remote_reference"),
        ({"$ref": "#/$defs/nope"}, "/$ref", "schema.unknown_reference"),
        ({"$ref": "#nope"}, "/$ref", "schema.unknown_reference"),
        ({"$ref": "#/title", "title": "x"}, "/$ref", "schema.unknown_reference"),
        ({"$ref": "#/x", "x": {"properties": "string"}}, "/$ref", "schema.unknown_reference"),
        ({"$ref": "#/const", "const": {"$ref": "http://x.test/"}}, "/$ref", "schema.unknown_reference"),
        ({"properties": "string"}, "/properties", "schema.invalid"),
        ({"$ref": "#"}, "", "schema.endless_reference"),
        ({"allOf": [{"not": {"$ref": "#"}}]}, "", "schema.endless_reference"),
        ({"properties": {"a": {"pattern": "(?=x)"}}}, "/properties/a/pattern", "schema.bad_pattern"),
        ({"pattern": r"(a)\1"}, "/pattern", "schema.bad_pattern"),
        ({"pattern": "((a{1000}){1000}){1000}"}, "/pattern", "schema.bad_pattern"),
        ({"patternProperties": {"(": {}}}, "/patternProperties/(", "schema.bad_pattern"),
        ({"properties": {"a": {"$id": "http://x.test/"}}}, "/properties/a/$id", "schema.unsupported"),
        ({"$dynamicRef": "#x"}, "/$dynamicRef", "schema.unsupported"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "schema.unsupported"),
        ({"properties": {"a": {"$schema": DIALECTS[0]}}}, "/properties/a/$schema", "schema.unsupported"),
        (doubling("oneOf", 60), "", "schema.too_complex"),
        ({"allOf": [{"pattern": "a"}] * 101}, "", "schema.too_complex"),
    ],
)
def test_a_schema_that_is_not_taken_is_told_why_and_where(schema: object, place: str, code: str) -> None:
    with within(2):
        findings = check_schema(schema, "input_schema")
    assert [(finding.place, finding.code) for finding in findings] == [(f"input_schema{place}", code)]
    assert len(findings[0].message) <= MAX_MESSAGE + 100


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"$schema": DIALECTS[0], "$id": "https://example.com/finding", "type": "object"},
        {"$ref": "airlock:artifact", "description": "the workspace"},
        {"const": {"$ref": "http://example.com/"}, "examples": [{"$id": "x"}]},
        {"properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}, "pattern": {"enum": ["("]}}},
        {"$ref": "#/$defs/tree", "$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}}}},
        {"$ref": "#leaf", "$defs": {"a b": {"$anchor": "leaf"}, "c": {"$ref": "#/$defs/a%20b"}}},
        {"pattern": r"^\p{Lu}[\w-]{1,64}$", "format": "date-time"},
        nested(31),
    ],
)
def test_a_schema_that_is_good_has_no_findings(schema: object) -> None:
    assert check_schema(schema, "input_schema") == []


def test_several_problems_are_told_at_once() -> None:
    findings = check_schema({"$ref": "http://x.test/", "$defs": {"a": {"$ref": "ftp://y.test/"}}}, "s")
    assert [finding.place for finding in findings] == ["s/$ref", "s/$defs/a/$ref"]


def test_a_remote_reference_is_never_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema"
        for schema in (
            {"$ref": url},
            {"$id": url, "$ref": "#/$defs/x"},
            {"definitions": {"a": {"$ref": url}}},
        ):
            assert check_schema(schema, "s")
        with pytest.raises(ValueError, match="Retrieval is disabled"):
            Validator({"$ref": url})
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.accept()


def test_an_id_at_the_root_does_not_shadow_what_references_mean() -> None:
    validator = Validator(
        {"$id": "https://example.com/x", "$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}
    )
    assert validator.problem(None) is None
    assert validator.problem(1) is not None


@given(JSON | LIKE_SCHEMAS)
def test_any_json_is_judged_and_what_is_taken_compiles(schema: Any) -> None:
    if check_schema(schema, "s") == []:
        validator = Validator(resolve_artifacts(schema))
        validator.problems({"a": [1, "x", None]})


@given(LIKE_SCHEMAS, JSON)
def test_any_value_is_judged_by_any_schema_and_both_answers_agree(schema: Any, value: Any) -> None:
    if check_schema(schema, "s") == []:
        validator = Validator(resolve_artifacts(schema))
        first = validator.problem(value)
        assert (first is None) == (validator.problems(value) == [])


def test_an_artifact_reference_means_the_artifact_schema_wherever_a_schema_stands() -> None:
    reference = {"$ref": "airlock:artifact"}
    schema = {
        "properties": {"a": reference, "$ref": {"const": reference}},
        "items": {**reference, "description": "d", "allOf": [True]},
        "anyOf": [reference],
        "$defs": {"x": reference},
    }
    resolved = resolve_artifacts(schema)
    assert resolved["properties"] == {"a": ARTIFACT_SCHEMA, "$ref": {"const": reference}}
    assert resolved["items"] == {"description": "d", "allOf": [True, ARTIFACT_SCHEMA]}
    assert resolved["anyOf"] == [ARTIFACT_SCHEMA]
    assert resolved["$defs"] == {"x": ARTIFACT_SCHEMA}
    assert schema["anyOf"] == [reference]


def test_a_problem_has_its_pointer_and_keyword() -> None:
    validator = Validator({"properties": {"a/b": {"items": {"type": "integer"}}}, "required": ["c"]})
    assert validator.problems({"a/b": [1, "x", None], "c": 1}) == [
        SchemaProblem("/a~1b/1", '"x" is not of type "integer"', "type"),
        SchemaProblem("/a~1b/2", 'null is not of type "integer"', "type"),
    ]
    assert validator.problem({}) == SchemaProblem("", '"c" is a required property', "required")
    assert len(validator.problems({"a/b": ["x"] * 100, "c": 1}, limit=7)) == 7


def test_a_huge_value_is_not_echoed() -> None:
    problem = Validator({"type": "integer"}).problem("x" * 5_000_000)
    assert problem is not None
    assert len(problem.message) <= MAX_MESSAGE
    assert problem.message.endswith('is not of type "integer"')
    problem = Validator({"additionalProperties": {"type": "null"}}).problem({"k" * 100_000: 1})
    assert problem is not None
    assert len(problem.pointer) <= MAX_MESSAGE


@pytest.mark.parametrize("value", ["\ud800", {1: 2}, float("nan"), float("inf")])
def test_what_is_no_json_satisfies_no_schema(value: object) -> None:
    assert (
        Validator({"type": ["object", "string", "number"], "properties": {"a": {}}}).problem(value)
        is not None
    )


def test_a_pattern_that_backtracks_elsewhere_takes_linear_time() -> None:
    with within(1):
        assert Validator({"pattern": "(a+)+$"}).problem("a" * 500_000 + "b") is not None
