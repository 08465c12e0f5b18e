"""Templates keep values as they are, and fail in words where there is no value."""

import json
import resource
import string
import time
from datetime import date
from typing import Any

import pytest
from airlock_orchestration.engine.templates import (
    MAX_EXPRESSIONS,
    MAX_TEXT,
    Reference,
    Template,
    TemplateFailed,
    TemplateSyntaxError,
)
from hypothesis import given
from hypothesis import strategies as st

CONTEXT = {
    "workspace": {"z": 1, "a": 2},
    "none": None,
    "big": 10**40,
    "count": 5,
    "one": 1.0,
    "my-key": "h",
    "in": "reserved",
    "a b": 7,
    "list": [1, 2.0, "ü\"'", {"k": "v"}],
    "braces": "{{ context.count }}",
    "yes": True,
}
FINDINGS = [{"file": "b.py", "sev": 3}, {"file": "c.py", "sev": 1}]
VALUES = {
    "context": CONTEXT,
    "nodes": {"my-node": {"output": {"x": [{"file": "a.py"}]}}, "scan": {"output": {"findings": FINDINGS}}},
}
# What strict JSON lets in: no U+0000, no lone surrogate.
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | INT64 | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def render(value: Any, values: Any = VALUES) -> Any:
    return Template(value).render(values)


def dumps(value: Any) -> str:
    """So that 1 and 1.0 and True differ, and the order of keys counts."""
    return json.dumps(value)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ context.workspace }}", {"z": 1, "a": 2}),
        ("{{context.big}}", 10**40),
        ("{{ context.one }}", 1.0),
        ("{{ context.none }}", None),
        ("{{ context.my-key }}", "h"),
        ("{{ context.in }}", "reserved"),
        ('{{ context["a b"] }}', 7),
        ("{{ context['a b'] }}", 7),
        ("{{ context.count-1 }}", 4),
        ("{{ context.count - context.count }}", 0),
        ("{{ context.braces }}", "{{ context.count }}"),
        ("{{ context.list[3].k }}", "v"),
        ("{{ nodes.my-node.output.x[0].file }}", "a.py"),
        ('{{ nodes["my-node"].output.x[0].file }}', "a.py"),
        ('{{ nodes["my-node"].output.x.size() }}', 1),
        ("{{ nodes.scan.output.findings.filter(f, f.sev > 2).map(f, f.file) }}", ["b.py"]),
        ('{{ nodes.scan.output.findings.map(f, f.file + ":" + string(f.sev)) }}', ["b.py:3", "c.py:1"]),
        ("{{ context.one + 0.5 }}", 1.5),
        ("{{ [context.one, context.count] }}", [1.0, 5]),
        ("{{ has(context.nope) }}", False),
        ("{{ has(context.nope) ? context.nope : 'd' }}", "d"),
        ("{{ has(context.workspace.z) && context.workspace.z == 1 }}", True),
        ('{{ {"b": {"a": context.list}, "a": {}} }}', {"a": {}, "b": {"a": [1, 2.0, "ü\"'", {"k": "v"}]}}),
        ('{{ "{{" }}', "{{"),
        ("{{ '}}' + \"}}\" }}", "}}}}"),
        (r'{{ r"\d" }}', r"\d"),
        ("{{ context.count // how many }}\n }}", 5),
        ("{{ 9223372036854775807 }}", 2**63 - 1),
    ],
)
def test_a_template_that_is_the_whole_string_keeps_the_type(template: str, value: Any) -> None:
    assert dumps(render(template)) == dumps(value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a {{ context.my-key }} b", "a h b"),
        (" {{ context.count }}", " 5"),
        ("{{ context.count }}{{ context.one }}", "51.0"),
        ("is {{ context.yes }}", "is true"),
        ("x={{ context.list }}", 'x=[1,2.0,"ü\\"\'",{"k":"v"}]'),
        ("x={{ context.workspace }}", 'x={"z":1,"a":2}'),
        ("no template } } { here", "no template } } { here"),
        ("{{ context.braces }} stays", "{{ context.count }} stays"),
    ],
)
def test_inside_a_longer_string_a_value_becomes_text(template: str, text: str) -> None:
    assert render(template) == text


def test_templates_stand_anywhere_in_a_value_but_keys_stay_as_they_are() -> None:
    value = {"b": ["{{ context.count }}", {"c": "n{{ context.count }}"}], "{{ k }}": 1.0, "a": None}
    assert dumps(render(value)) == dumps({"b": [5, {"c": "n5"}], "{{ k }}": 1.0, "a": None})


@given(JSON)
def test_any_value_arrives_unchanged_by_a_bare_path(value: Any) -> None:
    values = {"context": {"v": value}, "nodes": {"n-1": {"output": value}}}
    assert dumps(render("{{ context.v }}", values)) == dumps(value)
    assert dumps(render("{{ nodes.n-1.output }}", values)) == dumps(value)


@given(JSON)
def test_any_value_arrives_unchanged_through_cel_with_its_keys_sorted(value: Any) -> None:
    values = {"context": {"v": value}, "nodes": {}}
    assert dumps(render("{{ [context.v][0] }}", values)) == json.dumps(value, sort_keys=True)


@given(TEXT, st.sampled_from(["{{ context.v }}!", '{{ context["v"] + "!" }}', "{{ context.v + '!' }}"]))
def test_any_text_goes_into_an_expression_as_it_is(text: str, template: str) -> None:
    assert render(template, {"context": {"v": text}, "nodes": {}}) == text + "!"


@given(st.text(st.sampled_from("{}[]()\"'\\. :context nodes.a-b?+-1/rb|&,"), max_size=60))
def test_any_expression_is_refused_or_has_a_value_or_fails_in_words(source: str) -> None:
    try:
        json.dumps(render({"x": "{{" + source + "}}"}), allow_nan=False).encode()
    except (TemplateSyntaxError, TemplateFailed) as error:
        outcome = error
        assert (outcome.place, bool(outcome.reason)) == ("inputs.x", True)


@given(st.text(string.printable, max_size=40))
def test_a_string_without_two_braces_is_no_template(text: str) -> None:
    if "{{" not in text:
        assert render(text) == text


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ context.nope }}", "no key 'nope'"),
        ("{{ context.none.x }}", "the key 'x' of null"),
        ("{{ context.count.x }}", "the key 'x' of a number"),
        ("{{ context.list[4] }}", "[4] of a list of 4 items"),
        ("{{ context.workspace[0] }}", "[0] of an object"),
        ("a {{ context.none }}", "is null"),
        ("{{ nodes.gone.output.x }}", "the node gone has no output"),
        ("{{ context.nope + 1 }}", "Key not found"),
        ("{{ context.none.x + 1 }}", "non-message type"),
        ("{{ [1][context.count] }}", "index=5 size=1"),
        ("{{ 1 / (context.count - 5) }}", "divide by zero"),
        ("{{ [1 / 0] }}", "divide by zero"),
        ("{{ context.count + 1.5 }}", "No matching overloads"),
        ("{{ context.big + 1 }}", "beyond 64 bits"),
        ("{{ 9223372036854775807 + context.count }}", "overflow"),
        ("{{ 1e308 * 10.0 }}", "the result inf is not a JSON number"),
        ('{{ double("nan") }}', "the result nan is not a JSON number"),
        ('{{ b"x" }}', "no JSON value"),
        ('{{ [timestamp("2026-01-01T00:00:00Z")] }}', "no JSON value"),
        ("{{ type(1) }}", "no JSON value"),
        ("{{ {1: 2} }}", "a key of the result is not a string"),
        ('{{ "\\u0000" }}', "U+0000"),
    ],
)
def test_what_has_no_value_fails_with_place_expression_and_reason(template: str, reason: str) -> None:
    with pytest.raises(TemplateFailed) as failed:
        render({"a": [template]})
    assert failed.value.place == "inputs.a[0]"
    assert failed.value.expression in template
    assert reason in failed.value.reason


def test_a_large_integer_elsewhere_does_not_disturb_an_expression_that_does_not_touch_it() -> None:
    assert render("{{ context.count + 1 }}") == 6


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{", "without a closing"),
        ("{{ context.a", "without a closing"),
        ("{{ }}", "nothing between"),
        ("{{ ) }}", "Syntax error"),
        ("{{ } }}", "without a closing"),
        ("{{ 'a }}", "a string is not closed"),
        ("{{ nope }}", "undeclared reference"),
        ("{{ 1 == 1.0 }}", "no matching overload"),
        ("{{ nodes }}", "followed by the id of a node"),
        ("{{ nodes.scan }}", "followed by the id of a node"),
        ("{{ nodes[context.count].output }}", "followed by the id of a node"),
        ("{{ nodes.my-node.output.x.size() }}", 'nodes["my-node"].output'),
        ("{{ .context.count }}", "without a dot"),
        ("{{ context.count // }}", "without a closing"),
        ("{{ " + "(" * 2000 + " }}", "recursion"),
        ("{{ " + "[" * 2000 + "]" * 2000 + " }}", "recursion"),
        ("{{ " + "+".join("1" * 500) + " }}", "recursion"),
        ("{{ " + "1" * 5000 + " }}", "within 4096 characters"),
        ("{{ 'a" * 100_000, "within 4096 characters"),
        ("{{ context.a }}" * (MAX_EXPRESSIONS + 1), "more than 100 expressions"),
    ],
)
def test_what_cannot_be_read_is_refused_when_it_is_compiled(template: str, reason: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=r"inputs\.a") as refused:
        Template({"a": template})
    assert reason in refused.value.reason
    assert len(str(refused.value)) < 1000


def test_all_problems_of_a_value_are_told_with_their_places() -> None:
    findings = Template.check(
        {"a": "{{ ( }}", "b": [{"c": "{{ nodes }}"}], "d": "{{ context }}"}, "nodes.n.inputs"
    )
    assert [(finding.place, finding.code) for finding in findings] == [
        ("nodes.n.inputs.a", "template.invalid"),
        ("nodes.n.inputs.b[0].c", "template.invalid"),
    ]


def test_a_value_nested_too_deep_is_a_finding() -> None:
    value: Any = "{{ context }}"
    for _ in range(500):
        value = [value]
    assert [finding.code for finding in Template.check(value)] == ["template.invalid"]


@pytest.mark.parametrize(
    "value",
    [date(2026, 1, 1), float("nan"), float("inf"), "\ud800", "a\x00", b"x", {1: 2}, {"\udfff": 1}, (1,)],
)
def test_what_is_no_json_value_is_a_finding(value: Any) -> None:
    assert [finding.code for finding in Template.check({"a": [value]})] == ["template.invalid"]


def test_references_name_what_is_read_and_where() -> None:
    template = Template(
        {"a": "{{ nodes.my-node.output.x[0] }}", "b": "{{ context.c }}, {{ nodes.scan.output.f + 1 }}"}
    )
    assert template.roots == {"context", "nodes.my-node", "nodes.scan"}
    assert template.references == {
        Reference("nodes.my-node", ("x", 0), "nodes.my-node.output.x[0]", "inputs.a", whole=True),
        Reference("context", ("c",), "context.c", "inputs.b", whole=False),
        Reference("nodes.scan", None, "nodes.scan.output.f + 1", "inputs.b", whole=False),
    }
    assert {reference.node for reference in template.references} == {"my-node", None, "scan"}
    assert Template("plain").roots == frozenset()


def test_names_in_strings_members_and_loop_variables_are_no_references() -> None:
    assert Template("{{ 'nodes.x.output' + {'a': {'nodes': 'y'}}.a.nodes }}").roots == frozenset()
    assert Template("{{ nodes.scan.output.context.nodes + 1 }}").roots == {"nodes.scan"}


@pytest.mark.parametrize(
    "expression",
    [
        "context.l.all(x, context.l.all(y, x + y >= 0))",
        "context.l.map(x, context.l.map(y, x + y))",
        "context.l.map(x, x)",
        "context.l.map(x, " + "+".join(["context.s"] * 20) + ").size()",
        "(context.l + context.l + context.l).filter(x, x > 0)",
        "[context.s].map(x, x + x)" + ".map(x, x + x)" * 12 + "[0].size()",
        'context.l.exists(x, context.s.matches("(x*)*(x*)*y"))',
        "context.m.map(a, context.s)",
    ],
)
def test_an_expression_that_asks_for_too_much_fails_soon_and_small(expression: str) -> None:
    values = {"context": {"s": "x" * 250_000, "l": list(range(9000)), "m": list(range(100))}, "nodes": {}}
    template = Template("{{ " + expression + " }}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.thread_time()
    with pytest.raises(TemplateFailed):
        template.render(values)
    assert time.thread_time() - start < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700_000  # KiB


def test_a_list_of_the_usual_200_items_may_be_filtered_and_mapped_with_long_texts() -> None:
    findings = [{"file": "src/app.py", "line": i, "message": "m" * 2000, "sev": i % 4} for i in range(200)]
    values = {"context": {}, "nodes": {"scan": {"output": {"findings": findings}}}}
    line = 'f.file + ":" + string(f.line) + " " + f.message'
    template = f"{{{{ nodes.scan.output.findings.filter(f, f.sev > 2).map(f, {line}) }}}}"
    assert len(render(template, values)) == 50


def test_a_text_may_not_grow_without_end() -> None:
    values = {"context": {"s": "x" * (MAX_TEXT // 2)}, "nodes": {}}
    assert len(render("{{ context.s }}{{ context.s }}", values)) == MAX_TEXT
    with pytest.raises(TemplateFailed, match="grows beyond"):
        render("{{ context.s }}{{ context.s }}.", values)
