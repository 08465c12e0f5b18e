"""What is said of a template that cannot be compiled or has no value: place, reason, expression."""

from datetime import date
from typing import Any

import pytest
from airlock_contracts.problems import Finding
from airlock_orchestration.engine.templates import (
    MAX_DEPTH,
    MAX_EXPRESSIONS,
    MAX_TEXT,
    Reference,
    Template,
    TemplateFailed,
    TemplateSyntaxError,
)

VALUES = {
    "context": {"null": None, "yes": True, "five": 5, "half": 0.5, "word": "w", "list": [1, 2], "object": {}},
    "nodes": {"scan": {"output": {"n": 1}}},
}
LONG = "k" * 201
DEEP = "inputs" + "[0]" * MAX_DEPTH


def nested(levels: int) -> Any:
    value: Any = "plain"
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{{ }}", "inputs: nothing between the braces: "),
        ("a {{ ", "inputs: {{ without a closing }}:  "),
        ("{{ 'a }} b", "inputs: a string is not closed:  'a }} b"),
        ("{{ nope }}", "inputs: undeclared reference to 'nope' (in container ''): nope"),
        (f"{{{{ {LONG} }} }}}}", f"inputs: {{{{ without a closing }}}}:  {'k' * 199}..."),
        ("{{" + "x" * 4097, f"inputs: no closing }}}} within 4096 characters: {'x' * 200}..."),
        ({"a": [{"b": "{{"}]}, "inputs.a[0].b: {{ without a closing }}: "),
        (["x", "a\x00"], "inputs[1]: a string holds U+0000 or an unpaired surrogate: "),
        (["x", "\ud800"], "inputs[1]: a string holds U+0000 or an unpaired surrogate: "),
        ({"a": {1: 2}}, "inputs.a: a key is not a JSON string: "),
        ({"a": {"b\x00": 2}}, "inputs.a: a key is not a JSON string: "),
        (float("nan"), "inputs: nan is not a JSON number: "),
        ([float("-inf")], "inputs[0]: -inf is not a JSON number: "),
        ({"a": date(2026, 1, 1)}, "inputs.a: date is not a JSON value: "),
        (nested(MAX_DEPTH + 1), f"{DEEP[:200]}: nested deeper than 64 levels: "),
        (
            "{{ context }}" * MAX_EXPRESSIONS + "{{ one }} too many",
            "inputs: more than 100 expressions:  one }} too many",
        ),
    ],
)
def test_what_cannot_be_compiled_is_told(value: Any, said: str) -> None:
    with pytest.raises(TemplateSyntaxError) as refused:
        Template(value)
    error = refused.value
    assert str(error) == said
    assert said.startswith(f"{error.place}: {error.reason}: ")
    message = said.removeprefix(f"{error.place}: ")
    assert Template.check(value)[0] == Finding(place=error.place, code="template.invalid", message=message)


@pytest.mark.parametrize(
    "value", [nested(MAX_DEPTH), ["{{ context }}"] * MAX_EXPRESSIONS, "{{" + "1" * 17 + " " * 4079 + "}}"]
)
def test_what_is_just_within_its_limits_is_compiled(value: Any) -> None:
    assert Template.check(value) == []
    assert Template(value).references is not None


def test_members_are_levels_as_items_are_and_a_deep_place_is_cut() -> None:
    members: Any = "plain"
    for _ in range(MAX_DEPTH - 1):
        members = {"a": members}
    assert Template.check(members) == []
    found = Template.check({"a": members}, "p" * 100)
    assert [finding.place for finding in found] == [("p" * 100 + ".a" * 64)[:200]]


def test_a_problem_stands_where_it_is_told_to_stand() -> None:
    with pytest.raises(TemplateSyntaxError) as refused:
        Template("{{", place="approval.preview")
    assert refused.value.place == "approval.preview"
    assert [finding.place for finding in Template.check({"a": "{{", "b": ["{{ ("]})] == [
        "inputs.a",
        "inputs.b[0]",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{{ context.gone }}", "no key 'gone'"),
        (f"{{{{ context['{LONG}'] }}}}", f"no key '{'k' * 200}...'"),
        ("{{ context.null.x }}", "the key 'x' of null"),
        ("{{ context.yes.x }}", "the key 'x' of a boolean"),
        ("{{ context.five.x }}", "the key 'x' of a number"),
        ("{{ context.half.x }}", "the key 'x' of a number"),
        ("{{ context.word.x }}", "the key 'x' of a string"),
        ("{{ context.list.x }}", "the key 'x' of a list"),
        (f"{{{{ context.five['{LONG}'] }}}}", f"the key '{'k' * 200}...' of a number"),
        ("{{ context.object[0] }}", "[0] of an object"),
        ("{{ context.list[2] }}", "[2] of a list of 2 items"),
        ("{{ nodes.gone.output.x }}", "the node gone has no output"),
        ("{{ nodes.gone.output }}", "the node gone has no output"),
        ("{{ context.gone + 1 }}", 'Key not found in map : "gone"'),
        ("a {{ context.null }}", "is null, which has no text"),
    ],
)
def test_what_has_no_value_is_told(value: str, said: str) -> None:
    with pytest.raises(TemplateFailed) as failed:
        Template({"a": ["x", value]}).render(VALUES)
    error = failed.value
    expression = value.partition("{{ ")[2].removesuffix(" }}")
    assert (error.place, error.expression, error.reason) == ("inputs.a[1]", expression, said)
    shown = expression if len(expression) <= 200 else f"{expression[:200]}..."
    assert str(error) == f"inputs.a[1]: {said}: {shown}"


def test_an_expression_is_shown_up_to_200_characters() -> None:
    for length, shown in ((192, "k" * 192), (193, "k" * 192 + "...")):
        with pytest.raises(TemplateFailed) as failed:
            Template(f"{{{{ context.{'k' * length} }}}}").render(VALUES)
        assert str(failed.value).rpartition("context.")[2] == shown


@pytest.mark.parametrize(
    ("template", "expression"),
    [("{{ context }}.", ""), (".{{ context }}", "context"), ("{{ context }}{{ context }}", "context")],
)
def test_a_text_that_grows_too_long_names_the_piece_that_did_it(template: str, expression: str) -> None:
    just = Template(template.replace(".", "")) if "." in template else Template("{{ context }} ")
    assert just.render({"context": "x" * (MAX_TEXT - 1), "nodes": {}})
    with pytest.raises(TemplateFailed) as failed:
        Template({"a": template}).render({"context": "x" * MAX_TEXT, "nodes": {}})
    error = failed.value
    assert (error.place, error.expression) == ("inputs.a", expression)
    assert error.reason == "the text grows beyond 524288 characters"


def test_each_expression_tells_what_it_brings() -> None:
    template = Template(
        {"a": ["{{ context.five }}"], "b": "n={{ nodes.scan.output.n }}, {{ 1 + 1 }}", "c": 3}
    )
    assert list(template.parts(VALUES)) == [
        ("inputs.a[0]", "context.five", 5),
        ("inputs.b", "nodes.scan.output.n", 1),
        ("inputs.b", "1 + 1", 2),
    ]


@pytest.mark.parametrize(
    ("value", "is_text"),
    [("{{ context }}", False), (" {{ context }}", True), ("plain", False), (["a {{ context }}"], False)],
)
def test_a_template_within_a_text_gives_a_text(value: Any, is_text: bool) -> None:
    assert Template(value).is_text is is_text


def test_an_expression_that_reads_twice_is_two_references() -> None:
    expression = "context.a + nodes.scan.output.b"
    assert Template(["x", f"{{{{ {expression} }}}} {{{{ context.c }}}}"], "p").references == {
        Reference("context", None, expression, "p[1]", whole=False),
        Reference("nodes.scan", None, expression, "p[1]", whole=False),
        Reference("context", ("c",), "context.c", "p[1]", whole=False),
    }
    assert {reference.whole for reference in Template("{{ context.c }}{{ context.c }}").references} == {False}
