"""Documents are read as the JSON that they stand for, with the line of everything."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest
from airlock_contracts.manifest import Manifest
from airlock_contracts.problems import Finding
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.errors import AgentInvalid, InvalidDocument, WorkflowInvalid
from airlock_orchestration.operations.documents import Document, DocumentFormat, read_document
from airlock_orchestration.operations.findings import validate, with_lines
from hypothesis import given
from hypothesis import strategies as st


def read(text: str) -> Any:
    return read_document(text.encode(), DocumentFormat.YAML).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: yes", {"on": "yes"}),
        ("a: no\nb: off\nc: y", {"a": "no", "b": "off", "c": "y"}),
        ("a: true\nb: false\nc: True", {"a": True, "b": False, "c": "True"}),
        ("a: null\nb: ~\nc:\nd: ''", {"a": None, "b": None, "c": None, "d": ""}),
        ("a: 012\nb: 0x1f\nc: 1_000\nd: 1:30", {"a": "012", "b": "0x1f", "c": "1_000", "d": "1:30"}),
        ("a: 1\nb: -2\nc: 1.5\nd: 1e3\ne: '1'", {"a": 1, "b": -2, "c": 1.5, "d": 1000.0, "e": "1"}),
        ("a: 2001-12-14\nb: .inf\nc: .nan", {"a": "2001-12-14", "b": ".inf", "c": ".nan"}),
        ("a: |\n  two\n  lines\nb: >\n  one\n  line\n", {"a": "two\nlines\n", "b": "one line\n"}),
        ("a: {{ x }}", None),
        ('a: "{{ x }}"', {"a": "{{ x }}"}),
        ("- 1\n- [a, {b: c}]", [1, ["a", {"b": "c"}]]),
    ],
)
def test_words_mean_what_json_would_say(text: str, value: Any) -> None:
    if value is None:
        with pytest.raises(InvalidDocument):
            read(text)
    else:
        assert read(text) == value


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\nb: 2\na: 3", "yaml.duplicate_key", 3),
        ("a: 1\nb: &x 2", "yaml.alias", 2),
        ("a: *x", "yaml.alias", 1),
        ("a: !!binary aGk=", "yaml.tag", 1),
        ("a:\n  <<: {b: 1}", "yaml.merge", 2),
        ("1: a", "yaml.key", 1),
        ("true: a", "yaml.key", 1),
        ("[a]: b", "yaml.key", 1),
        ("a: 1" + "0" * 100, "yaml.number", 1),
        ("a: 1e400", "yaml.number", 1),
        ('a: "\\0"', "yaml.character", 1),
        ("a: 1\n---\nb: 1", "yaml.documents", 2),
        ("", "yaml.empty", 1),
    ],
)
def test_what_json_could_not_say_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    with pytest.raises(InvalidDocument) as refused:
        read(text)
    finding = refused.value.errors[0]
    assert finding.code == code
    assert finding.place == f"line {line}"


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 100_000, "- " * 500_000, "\n".join(" " * n + "a:" for n in range(1000))]
)
def test_depth_is_refused_at_once(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(InvalidDocument, match="nested deeper than 100 levels"):
        read(text)
    assert time.perf_counter() - started < 1


def test_references_that_multiply_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    with pytest.raises(InvalidDocument, match="anchors are not allowed"):
        read("\n".join(lines))


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc:-# {}[]'", max_size=8), inner),
    max_leaves=20,
)


@given(_JSON)
def test_json_read_as_yaml_is_the_same_value(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert read_document(text.encode(), DocumentFormat.YAML).value == value
    assert read_document(text.encode(), DocumentFormat.JSON).value == value


def test_problems_are_placed_by_node_id_and_line() -> None:
    text = """
name: flow
nodes:
  - id: scan
    agent: scanner
    action: scan
    retry:
      max_attempts: "3"
  - agent: Scanner
    action: scan
    colour: red
"""
    document = read_document(text.encode(), DocumentFormat.YAML)
    with pytest.raises(WorkflowInvalid) as refused:
        validate(document, WorkflowSpec, WorkflowInvalid)
    found = {finding.place: finding.message for finding in refused.value.errors}
    assert found.keys() == {
        "nodes.scan.retry.max_attempts",
        "nodes[1].id",
        "nodes[1].agent",
        "nodes[1].colour",
    }
    assert found["nodes.scan.retry.max_attempts"].endswith("(line 8)")
    assert found["nodes[1].colour"] == "unknown field 'colour' (line 11)"
    assert found["nodes[1].id"] == "the field 'id' is missing (line 9)"


@pytest.mark.parametrize(
    ("network", "place"), [("full", "network"), ("{egress: ['x y']}", "network.egress[0]")]
)
def test_problems_are_placed_in_the_document_and_not_in_its_model(network: str, place: str) -> None:
    document = read_document(f"name: shout\nnetwork: {network}\n".encode(), DocumentFormat.YAML)
    with pytest.raises(AgentInvalid) as refused:
        validate(document, Manifest, AgentInvalid)
    found = {finding.place for finding in refused.value.errors if finding.place.startswith("network")}
    assert found == {"network", place}


def test_a_document_of_json_has_places_without_lines() -> None:
    document = Document({"nodes": [{"id": "a"}, 7]})
    assert document.place(("nodes", 0, "inputs", "x")) == "nodes.a.inputs.x"
    assert document.place(("nodes", 1)) == "nodes[1]"
    assert document.line(("nodes", 0)) is None


def test_a_document_costs_the_same_however_deep_its_values_stand() -> None:
    flat, deep = ("[1, " * 1 + "1, " * 20_000 + "1]"), ("[" * 98 + "1, " * 20_000 + "1" + "]" * 98)
    costs = []
    for text in (flat, deep):
        tracemalloc.start()
        document = read_document(text.encode(), DocumentFormat.YAML)
        costs.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        del document
    assert costs[1] < costs[0] * 1.2
    assert costs[1] < 200 * 20_000


def test_a_place_in_a_document_has_the_line_of_the_nearest_that_is_there() -> None:
    text = (
        "name: w\nnodes:\n  - id: a\n    inputs:\n      b: 1\n  - agent: x\ninput_schema:\n  type: object\n"
    )
    document = read_document(text.encode(), DocumentFormat.YAML)
    places = {
        "nodes.a.inputs.b": 5,
        "nodes.a.inputs.b.c[0]": 5,
        "nodes.a.inputs.z": 5,
        "nodes[1].agent": 6,
        "input_schema/type": 8,
        "document": 1,
        "elsewhere": None,
    }
    found = with_lines(document, [Finding(place=place, code="x", message="no") for place in places])
    told = [f" (line {line})" if line else "" for line in places.values()]
    assert [one.message for one in found] == [f"no{line}" for line in told]
