"""Whether an agent's manifest agrees with its functions."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from airlock_client.scaffold import agreement
from airlock_client.scaffold.agreement import disagreements

DERIVED = {
    "count": {
        "description": "Count.",
        "input_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["workspace", "suffix"],
            "properties": {
                "workspace": {"$ref": "airlock:artifact"},
                "suffix": {"type": "string", "maxLength": 10},
                "mode": {"enum": ["fast", "slow"]},
                "tree": {"$ref": "#/$defs/Tree"},
            },
            "$defs": {
                "Tree": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"inner": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
                }
            },
        },
        "output_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["lines"],
            "properties": {"lines": {"type": "integer"}, "note": {"type": ["string", "null"]}},
        },
    }
}


def changed(change: Callable[[dict[str, Any]], object]) -> list[str]:
    """What is found where a manifest, at first as derived, was changed."""
    written = copy.deepcopy(DERIVED)
    change(written["count"])
    return disagreements(DERIVED, written)


def test_what_was_derived_agrees_and_so_does_what_is_narrower() -> None:
    assert disagreements(DERIVED, DERIVED) == []
    assert (
        changed(lambda one: one["input_schema"]["properties"]["suffix"].update(maxLength=5, pattern="^a"))
        == []
    )
    assert changed(lambda one: one["input_schema"]["required"].append("mode")) == []
    assert changed(lambda one: one["input_schema"]["properties"].pop("mode")) == []  # nobody can give it
    assert changed(lambda one: one["input_schema"]["properties"].update(mode={"enum": ["fast"]})) == []
    assert changed(lambda one: one["output_schema"]["properties"]["lines"].update(minimum=0)) == []


NUMBER, TEXT, NOTHING = {"type": "number"}, {"type": "string"}, {"type": "null"}


def map_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": schema}


def compared(derived: dict[str, Any], written: dict[str, Any], field: str) -> list[str]:
    """What is found where one property is this in the function and that in agent.yaml."""

    def actions(schema: dict[str, Any]) -> dict[str, Any]:
        whole = {"type": "object", "additionalProperties": False, "properties": {"a": schema}}
        return {"go": {"input_schema": {}, "output_schema": {}} | {field: whole}}

    return disagreements(actions(derived), actions(written))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({"type": ["string", "null"]}, TEXT),
        (NUMBER, {"type": "integer"}),
        (TEXT, {"const": "fast"}),
        (TEXT, {"enum": ["fast", "slow"]}),
        ({"anyOf": [NUMBER, TEXT]}, TEXT),
        ({"anyOf": [NUMBER, TEXT, NOTHING]}, {"anyOf": [TEXT, NOTHING]}),
        ({"anyOf": [NUMBER, TEXT]}, {"type": "integer"}),
        ({"anyOf": [NUMBER, TEXT, NOTHING]}, {"type": ["string", "null"]}),
        ({"anyOf": [TEXT, NOTHING]}, {"enum": ["fast", None]}),
        ({"anyOf": [NUMBER, {"anyOf": [TEXT, NOTHING]}]}, {"anyOf": [{"enum": ["fast", None]}, NUMBER]}),
        (map_of(NUMBER), map_of({"type": "integer"})),
    ],
)
def test_an_input_may_be_narrower_and_an_output_wider_than_the_function_and_not_the_other_way_round(
    wide: dict[str, Any], narrow: dict[str, Any]
) -> None:
    assert compared(wide, narrow, "input_schema") == []
    assert compared(narrow, wide, "output_schema") == []
    assert len(compared(narrow, wide, "input_schema")) == 1


def test_a_map_may_be_narrowed_to_names() -> None:
    named = {"type": "object", "properties": {"b": NUMBER}, "additionalProperties": False}
    assert compared(map_of(NUMBER), named, "input_schema") == []


def test_a_map_of_answers_may_be_any_object() -> None:
    assert compared(map_of(NUMBER), {"type": "object"}, "output_schema") == []


def test_values_that_are_listed_among_choices_may_be_of_several_choices() -> None:
    listed = {"anyOf": [{"enum": ["fast", 3]}, NUMBER]}
    assert compared({"anyOf": [TEXT, NUMBER]}, listed, "input_schema") == []


def test_choices_agree_in_any_order() -> None:
    assert compared({"anyOf": [NUMBER, TEXT]}, {"anyOf": [TEXT, NUMBER]}, "input_schema") == []


@pytest.mark.parametrize(
    ("derived", "written", "said"),
    [
        ({"type": "string", "maxLength": 3}, {"const": "fast"}, "the function does not take 'fast'"),
        ({"enum": ["fast"]}, {"const": "slow"}, "is one of ['fast'] in the function, ['slow'] in agent.yaml"),
        (TEXT, {"const": 3}, "is string in the function, integer in agent.yaml"),
        ({"anyOf": [NUMBER, TEXT]}, NOTHING, "has 2 choices in the function, 1 in agent.yaml"),
        ({"anyOf": [NUMBER, TEXT]}, {"anyOf": [NUMBER, NOTHING]}, "is string in the function, null"),
        (TEXT, {"anyOf": [TEXT, NOTHING]}, "has 1 choices in the function, 2 in agent.yaml"),
        ({"anyOf": [TEXT, NOTHING]}, {"enum": ["fast", 3]}, "the function does not take 3"),
        (map_of(TEXT), map_of(NUMBER), ".a.*: is string in the function, number in agent.yaml"),
        (map_of(TEXT), {"type": "object"}, ".a.*: is string in the function, anything in agent.yaml"),
        (map_of(TEXT), map_of(TEXT) | {"properties": {"b": NUMBER}}, ".a.b: is string in the function"),
    ],
)
def test_what_a_function_would_not_take_is_said(
    derived: dict[str, Any], written: dict[str, Any], said: str
) -> None:
    (line,) = compared(derived, written, "input_schema")
    assert said in line


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda one: one["input_schema"]["properties"].pop("suffix"),
            "input_schema.suffix: agent.yaml lacks it",
        ),
        (
            lambda one: one["input_schema"]["properties"].update(sufix={}),
            "input_schema.sufix: the function does not know it",
        ),
        (
            lambda one: one["input_schema"]["properties"]["suffix"].update(type="integer"),
            "input_schema.suffix: is string in the function, integer in agent.yaml",
        ),
        (
            lambda one: one["input_schema"]["properties"]["suffix"].update(maxLength=11),
            "input_schema.suffix: has maxLength 10 in the function, 11 in agent.yaml",
        ),
        (
            lambda one: one["input_schema"]["required"].remove("suffix"),
            "input_schema.suffix: the function needs it",
        ),
        (
            lambda one: one["input_schema"]["properties"]["mode"]["enum"].append("odd"),
            "input_schema.mode: is one of ['fast', 'slow'] in the function",
        ),
        (
            lambda one: one["input_schema"]["properties"].update(workspace={"type": "object"}),
            "input_schema.workspace: is an artifact in the function",
        ),
        (
            lambda one: one["input_schema"].pop("additionalProperties"),
            "input_schema: the function takes no other properties",
        ),
        (
            lambda one: one["input_schema"]["$defs"]["Tree"]["properties"]["inner"].update(type="string"),
            "input_schema.tree.inner: is array in the function",
        ),
        (
            lambda one: one["output_schema"]["required"].append("note"),
            "output_schema.note: is required here; the function may leave it out",
        ),
        (
            lambda one: one["output_schema"]["properties"]["note"].update(type="string"),
            "output_schema.note: is null or string in the function, string in agent.yaml",
        ),
    ],
)
def test_what_differs_is_said_with_its_place(change: Callable[[dict[str, Any]], object], said: str) -> None:
    found = changed(change)
    assert len(found) == 1
    assert found[0].startswith(f"actions.count.{said}")


@pytest.mark.parametrize(
    ("derived", "written", "said"),
    [
        (map_of(TEXT), map_of(NUMBER), ".a.*: is string in the function, number in agent.yaml"),
        (map_of(TEXT), {"type": "object", "additionalProperties": False}, "may answer other properties"),
        (map_of(TEXT), map_of(TEXT) | {"required": ["b"]}, ".a.b: is required here"),
        (
            TEXT | {"maxLength": 3},
            TEXT | {"maxLength": 2},
            "has maxLength 3 in the function, 2 in agent.yaml",
        ),
        ({"enum": ["fast", "slow"]}, NUMBER, "the function may answer 'fast'"),
        ({"enum": ["fast", "slow"]}, TEXT | {"maxLength": 3}, "the function may answer 'fast'"),
        ({"anyOf": [TEXT, NOTHING]}, {"enum": ["fast", 3]}, "has 2 choices in the function, 1 in agent.yaml"),
    ],
)
def test_an_answer_for_which_agent_yaml_has_no_room_is_said(
    derived: dict[str, Any], written: dict[str, Any], said: str
) -> None:
    (line,) = compared(derived, written, "output_schema")
    assert said in line


def test_a_bound_that_only_an_answer_of_agent_yaml_has_is_its_own_promise() -> None:
    assert compared(TEXT, TEXT | {"maxLength": 3, "pattern": "^a"}, "output_schema") == []
    assert compared(TEXT | {"maxLength": 3}, TEXT | {"maxLength": 4}, "output_schema") == []


def test_an_answer_that_agent_yaml_does_not_speak_of_is_none() -> None:
    found = changed(lambda one: one["output_schema"]["properties"].pop("note"))
    assert found == ["actions.count.output_schema.note: agent.yaml lacks it"]


def test_a_type_that_holds_itself_twice_is_compared_once() -> None:
    tree = {"type": "object", "properties": {side: {"$ref": "#/$defs/Tree"} for side in ("left", "right")}}
    schema = {"type": "object", "properties": {"root": {"$ref": "#/$defs/Tree"}}, "$defs": {"Tree": tree}}
    actions = {"go": {"input_schema": {"type": "object"}, "output_schema": schema}}
    assert disagreements(actions, copy.deepcopy(actions)) == []


def expressions(operators: int, value: dict[str, Any]) -> dict[str, Any]:
    """An expression tree: a literal, or one of so many operators with a tree on either side."""
    names = ["Literal", *(f"Operator{index}" for index in range(operators))]
    tree = {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in names]}
    closed = {"type": "object", "additionalProperties": False}

    def operator(index: int) -> dict[str, Any]:
        properties = {"left": tree, "op": {"const": f"o{index}"}, "right": tree}
        return closed | {"required": list(properties), "properties": properties}

    held = [
        closed | {"required": ["value"], "properties": {"value": value}},
        *map(operator, range(operators)),
    ]
    root = closed | {"required": ["tree"], "properties": {"tree": tree}}
    return copy.deepcopy(root | {"$defs": dict(zip(names, held, strict=True))})


@pytest.fixture
def few_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each path through a tree of 30 operators would be more than the world has seconds."""
    monkeypatch.setattr(agreement, "_MAX_COMPARISONS", 1000)


@pytest.mark.usefixtures("few_comparisons")
@pytest.mark.parametrize("field", ["input_schema", "output_schema"])
def test_a_tree_of_many_kinds_is_compared_once_and_what_differs_in_it_is_said_once(field: str) -> None:
    def found(written: dict[str, Any]) -> list[str]:
        return disagreements({"go": {field: expressions(30, NUMBER)}}, {"go": {field: written}})

    assert found(expressions(30, NUMBER)) == []
    assert found(expressions(30, TEXT)) == [
        f"actions.go.{field}.tree.anyOf[0].value: is number in the function, string in agent.yaml"
    ]
    turned = expressions(30, NUMBER)
    for one in ("Operator3", "Operator7"):
        turned["$defs"][one]["properties"]["left"]["anyOf"].reverse()
    assert found(turned) == []


def test_among_choices_in_another_order_the_one_that_differs_is_compared_with_its_like() -> None:
    written = expressions(3, NUMBER)
    written["$defs"]["Operator1"]["properties"]["right"] = TEXT
    written["properties"]["tree"] = {"anyOf": written["properties"]["tree"]["anyOf"][::-1]}
    found = disagreements({"go": {"input_schema": expressions(3, NUMBER)}}, {"go": {"input_schema": written}})
    assert found
    assert all("the function does not know it" not in line for line in found), found


def test_what_takes_too_many_comparisons_is_said_to_be_not_compared() -> None:
    def choices(count: int, kind: dict[str, Any]) -> dict[str, Any]:
        return {"anyOf": [{"type": "array", "items": kind, "minItems": index} for index in range(count)]}

    (line,) = compared(choices(300, NUMBER), choices(300, TEXT), "input_schema")
    assert line == "actions.go.input_schema: could not be compared: more than 20,000 comparisons"


def test_what_is_nested_too_deep_is_said_to_be_not_compared() -> None:
    deep: dict[str, Any] = TEXT
    for _ in range(70):
        deep = {"type": "array", "items": deep}
    (line,) = compared(deep, deep, "output_schema")
    assert line == "actions.go.output_schema: could not be compared: nested deeper than 64"


def test_a_pattern_that_cannot_be_read_here_is_said_to_be_not_compared() -> None:
    (line,) = compared(TEXT | {"pattern": r"\p{Lu}"}, {"const": "A"}, "input_schema")
    assert "could not be compared: no pattern" in line


def test_an_action_on_one_side_only_is_found() -> None:
    assert disagreements(DERIVED, {}) == ["actions.count: agent.yaml lacks it"]
    assert disagreements({}, DERIVED) == ["actions.count: main has no such action"]
