"""A node's input becomes bytes once, or a failure that says what to mend."""

import json
from typing import Any

import pytest
from airlock_contracts.failures import Failure, FailureKind
from airlock_orchestration.engine.inputs import (
    MAX_INPUT_BYTES,
    MAX_STEP_BYTES,
    more_than_a_step_opens,
    render_preview,
    resolve_input,
)
from airlock_orchestration.engine.schemas import Validator
from airlock_orchestration.engine.templates import Template
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)

NAN = "Out of range float values are not JSON compliant"
SURROGATE = "'utf-8' codec can't encode character '\\ud800' in position 1: surrogates not allowed"


def scope(context: Any = None, **outputs: Any) -> dict[str, Any]:
    return {"context": context, "nodes": {id_: {"output": output} for id_, output in outputs.items()}}


def resolve(inputs: Any, values: dict[str, Any], schema: Any = True) -> bytes | Failure:
    return resolve_input(Template(inputs), Validator(schema), values)


def failed(outcome: object) -> Failure:
    assert isinstance(outcome, Failure), outcome
    assert outcome.kind is FailureKind.CONTRACT
    assert not outcome.retryable
    return outcome


def test_the_bytes_are_compact_utf8_with_keys_in_their_order() -> None:
    inputs = {"z": "{{ context.v }}", "a": ["ü", 1.0, None, True], "e": {}}
    assert resolve(inputs, scope({"v": {"y": 1, "b": '"'}})) == (
        '{"z":{"y":1,"b":"\\""},"a":["ü",1.0,null,true],"e":{}}'.encode()
    )
    assert resolve({}, scope()) == b"{}"


@given(JSON)
def test_any_value_reads_back_from_the_bytes_as_it_was(value: Any) -> None:
    data = resolve({"v": "{{ context.v }}"}, scope({"v": value}))
    assert isinstance(data, bytes)
    assert json.dumps(json.loads(data)) == json.dumps({"v": value})


@given(JSON)
def test_the_same_values_always_give_the_same_bytes(value: Any) -> None:
    inputs = {"v": '{{ {"b": context.v, "a": [context.v]} }}', "t": "x{{ context.w }}"}
    values = scope({"v": value, "w": 1})
    assert resolve(inputs, values) == resolve(inputs, values)


def test_256_kib_of_quotes_and_unicode_arrive_unchanged() -> None:
    text = "\"'\\{{ü😀" * 20_000
    data = resolve({"v": "{{ context.v }}"}, scope({"v": text}))
    assert isinstance(data, bytes)
    assert json.loads(data) == {"v": text}


def test_a_template_without_a_value_is_a_failure_with_place_and_expression() -> None:
    failure = failed(
        resolve({"a": ["{{ nodes.scan.output.findings[3].file }}"]}, scope(scan={"findings": []}))
    )
    assert failure.code == "template.failed"
    assert failure.details == {
        "place": "inputs.a[0]",
        "expression": "nodes.scan.output.findings[3].file",
        "reason": "[3] of a list of 0 items",
    }


def test_a_value_that_breaks_the_schema_is_a_failure_with_its_pointer() -> None:
    schema = {"properties": {"a": {"items": {"type": "string"}}}, "required": ["b"]}
    failure = failed(resolve({"a": ["x", "{{ context }}"], "b": 1}, scope(5), schema))
    assert failure.code == "input.schema_mismatch"
    assert failure.details == {"pointer": "/a/1", "keyword": "type"}
    assert failure.message == '/a/1: 5 is not of type "string"'
    assert failed(resolve({}, scope(), schema)).message.startswith("the input as a whole: ")


def test_an_input_too_large_names_the_template_that_brings_most() -> None:
    inputs = {
        "a": "{{ nodes.one.output }}",
        "b": {"c": ["{{ nodes.two.output.text }}"]},
        "d": "x{{ context }}",
    }
    values = scope("x" * 1000, one="y" * 100_000, two={"text": "z" * 500_000})
    failure = failed(resolve(inputs, values))
    assert failure.code == "input.too_large"
    assert failure.details == {
        "limit_bytes": MAX_INPUT_BYTES,
        "place": "inputs.b.c[0]",
        "expression": "nodes.two.output.text",
        "bytes": 500_002,
    }


def test_one_large_output_named_many_times_is_too_large_as_well() -> None:
    inputs = {f"k{i}": "{{ context }}" for i in range(100)}
    assert failed(resolve(inputs, scope("x" * 250_000))).code == "input.too_large"


def test_a_literal_that_is_too_large_by_itself_has_no_template_to_name() -> None:
    failure = failed(resolve({"a": "x" * 600_000}, scope()))
    assert (failure.code, failure.details) == ("input.too_large", {"limit_bytes": MAX_INPUT_BYTES})


@pytest.mark.parametrize("size", [MAX_INPUT_BYTES - 8, MAX_INPUT_BYTES - 7])
def test_the_limit_counts_the_bytes_that_are_sent(size: int) -> None:
    outcome = resolve({"a": "{{ context }}"}, scope("x" * size))
    if isinstance(outcome, bytes):
        assert len(outcome) == size + 8 <= MAX_INPUT_BYTES
    else:
        assert size + 8 > MAX_INPUT_BYTES


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_say_is_a_failure(value: Any) -> None:
    assert failed(resolve({"a": "{{ context }}"}, scope(value))).code == "template.failed"


def test_a_preview_is_the_text_itself_or_readable_json() -> None:
    values = scope({"b": 1, "a": ["ü"]}, propose={"diff": "--- a\n+++ b\n"})
    assert render_preview(Template("{{ nodes.propose.output.diff }}"), values) == "--- a\n+++ b\n"
    assert (
        render_preview(Template("Patch:\n{{ nodes.propose.output.diff }}"), values)
        == "Patch:\n--- a\n+++ b\n"
    )
    assert render_preview(Template("{{ context }}"), values) == '{\n  "b": 1,\n  "a": [\n    "ü"\n  ]\n}'


def test_a_preview_fails_like_an_input() -> None:
    assert failed(render_preview(Template("{{ context.x }}"), scope({}))).code == "template.failed"
    assert failed(render_preview(Template("{{ context }}"), scope("\ud800"))).code == "template.failed"
    large = failed(render_preview(Template("{{ context }}", place="approval.preview"), scope("x" * 600_000)))
    assert (large.code, large.details["place"]) == ("input.too_large", "approval.preview")


PREVIEW_TOO_LARGE = (
    "input.too_large: the preview takes more than 524288 bytes; "
    "most of it comes from approval.preview: context (524291 bytes)"
)
LONG = "context." + "k" * 1000
TOO_LARGE = (
    "the input takes more than 524288 bytes; most of it comes from inputs.b: nodes.two.output (600002 bytes)"
)


@pytest.mark.parametrize(
    ("inputs", "values", "said"),
    [
        (
            {"a": "{{ context }}", "b": "{{ nodes.two.output }}"},
            scope("x", two="y" * 600_000),
            f"input.too_large: {TOO_LARGE}",
        ),
        ({"a": "x" * 600_000}, scope(), "input.too_large: the input takes more than 524288 bytes"),
        (
            {"a": f"{{{{ {LONG} }}}}"},
            scope({"k" * 1000: "x" * 600_000}),
            f"input.too_large: {TOO_LARGE.replace('inputs.b: nodes.two.output', f'inputs.a: {LONG[:200]}')}",
        ),
        ({"a": "{{ context }}"}, scope(float("nan")), f"template.failed: the input is not JSON: {NAN}"),
        ({"a": "{{ context }}"}, scope("\ud800"), f"template.failed: the input is not JSON: {SURROGATE}"),
        ({"a": "{{ context.x }}"}, scope({}), "template.failed: inputs.a: no key 'x': context.x"),
    ],
)
def test_an_input_that_fails_is_told(inputs: dict[str, Any], values: dict[str, Any], said: str) -> None:
    failure = failed(resolve(inputs, values))
    assert f"{failure.code}: {failure.message}" == said


def test_a_failure_keeps_a_thousand_characters_of_its_expression() -> None:
    large = failed(resolve({"a": f"{{{{ {LONG} }}}}"}, scope({"k" * 1000: "x" * 600_000})))
    gone = failed(resolve({"a": f"{{{{ {LONG} }}}}"}, scope({})))
    assert large.details["expression"] == gone.details["expression"] == LONG[:1000]
    assert failed(resolve({"a": "{{ context }}"}, scope("\ud800"))).details == {"place": "inputs"}


def test_what_is_put_together_takes_its_whole_size_each_time() -> None:
    inputs = {"a": "{{ [context, context] }}", "b": "{{ [context] }}", "c": "{{ context }}"}
    failure = failed(resolve(inputs, scope("x" * 200_000)))
    assert (failure.details["place"], failure.details["bytes"]) == ("inputs.a", 400_007)


def test_the_input_as_a_whole_is_told_from_a_part_of_it() -> None:
    failure = failed(resolve({"a": 1}, scope(), {"required": ["b"]}))
    assert failure.message == 'the input as a whole: "b" is a required property'
    assert failure.details == {"pointer": "", "keyword": "required"}


@pytest.mark.parametrize(
    ("preview", "values", "said"),
    [
        (
            "{{ context }}",
            scope("x" * 524_289),
            PREVIEW_TOO_LARGE,
        ),
        (
            "{{ context }}",
            scope("\ud800"),
            f"template.failed: the preview is not text: {SURROGATE.replace('1', '0')}",
        ),
        ("{{ context.x }}", scope({}), "template.failed: approval.preview: no key 'x': context.x"),
    ],
)
def test_a_preview_that_fails_is_told(preview: str, values: dict[str, Any], said: str) -> None:
    failure = failed(render_preview(Template(preview, place="approval.preview"), values))
    assert f"{failure.code}: {failure.message}" == said


def test_a_preview_takes_as_many_bytes_as_an_input() -> None:
    text = "ü" * (MAX_INPUT_BYTES // 2)
    assert render_preview(Template("{{ context }}"), scope(text)) == text
    assert failed(render_preview(Template("{{ context }}"), scope(text + "x"))).code == "input.too_large"
    not_text = failed(render_preview(Template("{{ context }}"), scope("\ud800")))
    assert not_text.details == {"place": "preview"}


@pytest.mark.parametrize("value", [[1], "text", None, 5])
def test_an_input_that_is_no_object_is_serialised_as_it_is(value: Any) -> None:
    assert resolve("{{ context }}", scope(value)) == json.dumps(value, separators=(",", ":")).encode()


def test_an_input_that_is_no_object_is_bounded_too() -> None:
    most = "x" * (MAX_INPUT_BYTES - 2)
    assert resolve("{{ context }}", scope(most)) == f'"{most}"'.encode()
    assert failed(resolve("{{ context }}", scope(most + "x"))).code == "input.too_large"


def test_what_one_step_opens_is_bounded_to_the_byte() -> None:
    assert more_than_a_step_opens(MAX_STEP_BYTES) is None
    failure = failed(more_than_a_step_opens(MAX_STEP_BYTES + 1))
    assert (failure.code, failure.details) == ("input.too_large", {"limit_bytes": MAX_STEP_BYTES})
    assert failure.message == (
        "this input and those of the nodes that start with it take more than 67108864 bytes together: "
        "pass what is large as an artifact"
    )


def test_a_message_is_cut_where_a_failure_ends() -> None:
    failure = failed(resolve({"k" * 5000: "{{ context.x }}"}, scope({})))
    assert failure.message == f"inputs.{'k' * 3993}"
