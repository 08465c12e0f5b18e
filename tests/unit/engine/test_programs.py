"""CEL programs: what they are handed, how much they may ask for, what comes back or is said instead."""

from typing import Any

import pytest
from airlock_orchestration.engine.evaluator import (
    MAX_DEPTH,
    MAX_ITERATIONS,
    MAX_LIST,
    MAX_REASON,
    MAX_RESULT,
    MAX_WORK,
    CelFailed,
    Program,
    bound,
)
from airlock_orchestration.engine.expressions import Malformed, Shape

LARGE = 10**40
TOO_MANY = "a list of {} items; with map or filter at most 2000, fewer beside +"


def run(expression: str, context: Any = None, **outputs: Any) -> Any:
    nodes = {id_: {"output": output} for id_, output in outputs.items()}
    return Program(expression).run({"context": context, "nodes": nodes})


def shape(**more: Any) -> Shape:
    plain = {"loops": (), "nesting": 0, "builds": 0, "joins": 0, "indexes": False, "scans": 0, "literals": 1}
    return Shape(**{**plain, **more})


def nested(levels: int, kind: type) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


@pytest.mark.parametrize(
    ("program", "text", "items"),
    [
        (shape(scans=1), MAX_WORK, 0),
        (shape(scans=10), MAX_WORK // 10, 0),
        (shape(scans=1), 0, MAX_WORK // 8),
        (shape(scans=1, literals=MAX_WORK // 8), 0, 0),
        (shape(joins=1), MAX_WORK // 2, 0),
        (shape(joins=1, scans=1), MAX_WORK // 4, 0),
        (shape(joins=2), MAX_WORK // 3, 0),
        (shape(joins=3), MAX_WORK // 6, 0),
        (shape(joins=4), MAX_WORK // 10, 0),
        # As often as there are items, in each of the loops.
        (shape(loops=(0,), nesting=1, scans=1), MAX_WORK // 10, 10),
        (shape(loops=(0, 0), nesting=1, scans=1), MAX_WORK // 20, 10),
        (shape(loops=(0, 0), nesting=2, scans=1), MAX_WORK // 200, 10),
        # A join beside the loop makes its list longer; one inside does where what it made may be looped over.
        (shape(loops=(0,), nesting=1, joins=1), MAX_WORK // 40, 10),
        (shape(loops=(1,), nesting=1), MAX_WORK // 20, 10),
        (shape(loops=(1, 0), nesting=2), MAX_WORK // 1600, 10),
        (shape(loops=(1,), nesting=1, indexes=True), MAX_WORK // 40, 10),
        (shape(loops=(3, 1), nesting=1), MAX_WORK // 240, 10),
        # Never more often than the evaluator goes on.
        (shape(loops=(0, 0), nesting=2, scans=1), MAX_WORK // MAX_ITERATIONS, 3000),
    ],
)
def test_work_up_to_the_limit_may_be_asked_for_and_no_more(program: Shape, text: int, items: int) -> None:
    bound(program, text, items)
    more_text, more_items = (text, items + 1) if items > 10**6 else (text + 1, items)
    more = shape(scans=1, literals=program.literals + 1) if program.literals > 1 else program
    with pytest.raises(CelFailed, match=r"^could take too much work: "):
        bound(more, 0 if more is not program else more_text, more_items)


def test_too_much_work_is_told_with_what_makes_it() -> None:
    with pytest.raises(CelFailed) as failed:
        bound(shape(loops=(3, 1), nesting=1, joins=2, literals=12), MAX_WORK, 10)
    assert str(failed.value) == (
        "could take too much work: strings of 268435456 characters, lists of 12 items, 6 joins, 2 loops"
    )


def test_what_neither_joins_nor_reads_a_string_is_no_work() -> None:
    bound(shape(loops=(0,), nesting=1), 10**12, 10**9)


@pytest.mark.parametrize(
    ("program", "most"),
    [
        (shape(builds=1, loops=(0,), nesting=1), MAX_LIST),
        (shape(builds=1, loops=(0,), nesting=1, joins=1), MAX_LIST),
        (shape(builds=1, loops=(0,), nesting=1, joins=3), MAX_LIST // 2),
        (shape(builds=1, loops=(1,), nesting=1), MAX_LIST),
        (shape(builds=1, loops=(3,), nesting=1, indexes=True), MAX_LIST // 2),
    ],
)
def test_a_list_is_built_of_so_many_items_and_fewer_beside_joins(program: Shape, most: int) -> None:
    bound(program, 1, most)
    with pytest.raises(CelFailed) as failed:
        bound(program, 1, most + 1)
    assert str(failed.value) == TOO_MANY.format(most + 1)


@pytest.mark.parametrize(
    ("context", "outputs", "expression", "value"),
    [
        ({"a": {"b": 1, "large": LARGE}, "large": LARGE}, {}, "context.a.b + 1", 2),
        ({"a": {"b": 1, "c": 2, "large": LARGE}}, {}, "context.a.b + context.a.c", 3),
        ({"a": {"b": 1}}, {}, "context.a.b + (has(context.a.c) ? 1 : 5)", 6),
        ({"a": {"b": 1}, "c": 1}, {}, "context.a == context.a && size(context) == 2", True),
        (LARGE, {"scan": {"n": 1, "large": LARGE}}, "nodes.scan.output.n + 1", 2),
        (None, {"a": 1, "b": 2, "c": LARGE}, "nodes.a.output + nodes.b.output", 3),
        (-(2**63), {}, "context < 0", True),
        (2**63 - 1, {}, "context > 0", True),
        ([1, [2]], {}, "context[1][0] + 1", 3),
        (
            5,
            {},
            "[context, 1.0, null, true, 'x', {'b': 1, 'a': 2}]",
            [5, 1.0, None, True, "x", {"b": 1, "a": 2}],
        ),
    ],
)
def test_a_program_is_handed_what_it_touches_and_gives_json(
    context: Any, outputs: dict[str, Any], expression: str, value: Any
) -> None:
    assert run(expression, context, **outputs) == value


@pytest.mark.parametrize(
    ("expression", "context", "reason"),
    [
        (
            "context.a + 1",
            {"a": LARGE},
            "an integer beyond 64 bits (-9223372036854775808 to 9223372036854775807)",
        ),
        ("context + 1", 2**63, "an integer beyond 64 bits (-9223372036854775808 to 9223372036854775807)"),
        (
            "context + 1",
            -(2**63) - 1,
            "an integer beyond 64 bits (-9223372036854775808 to 9223372036854775807)",
        ),
        ("context + ''", "a\x00b", "a string holds U+0000"),
        ("size(context.a)", {"a": {"k\x00": 1}}, "a string holds U+0000"),
        ("size(context.a)", {"a": [["\x00"]]}, "a string holds U+0000"),
        ("'\\u0000'", None, "the result holds U+0000"),
        ("{'\\u0000': 1}", None, "the result holds U+0000"),
        ("1e308 * 10.0", None, "the result inf is not a JSON number"),
        ("{1: 2}", None, "a key of the result is not a string"),
        ("b'x'", None, "the result is a bytes, which is no JSON value: use string()"),
        ("context.a + 1", {}, 'Key not found in map : "a"'),
        ("context.a.b + 1", {"a": None}, "Applying SELECT to non-message type"),
        ("1 / (context - 5)", 5, "divide by zero"),
        ("[1 / (context - 5)]", 5, "divide by zero"),
        ("9223372036854775807 + context", 5, "integer overflow"),
        (
            "context.all(x, context.all(y, context.all(z, true)))",
            list(range(30)),
            "Iteration budget exceeded",
        ),
        ("context + ''", "\ud800", "basic_string: construction from null is not valid"),
    ],
)
def test_a_program_without_a_value_says_why(expression: str, context: Any, reason: str) -> None:
    with pytest.raises(CelFailed) as failed:
        run(expression, context)
    assert str(failed.value) == reason


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("nope", "undeclared reference to 'nope' (in container '')"),
        ("nope + nope2", "undeclared reference to 'nope' (in container '')"),
        ("(" * 2000, "Expression recursion limit exceeded. limit: 32"),
        ("x" * 280, f"undeclared reference to '{'x' * (MAX_REASON - 25)}..."),
        ("x" * 256, f"undeclared reference to '{'x' * 256}' (in container '')"),
        ("x" * 257, f"undeclared reference to '{'x' * 257}' (in container ''..."),
    ],
)
def test_what_does_not_compile_says_why_in_a_sentence(source: str, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        Program(source)
    assert str(refused.value) == reason


@pytest.mark.parametrize("kind", [list, dict])
def test_a_result_has_so_many_levels_and_no_more(kind: type) -> None:
    assert run("[context][0]", nested(MAX_DEPTH - 1, kind)) == nested(MAX_DEPTH - 1, kind)
    with pytest.raises(CelFailed, match=r"^the result is nested deeper than 64 levels$"):
        run("[context][0]", nested(MAX_DEPTH, kind))


def test_a_result_holds_so_many_characters_and_values_and_no_more() -> None:
    most = "x" * (MAX_RESULT - 1)
    assert run("[context][0]", most) == most
    for too_much in (most + "x", [most], {most: ""}, {"k": most}):
        with pytest.raises(CelFailed, match=r"^the result holds more than 524288 characters and values$"):
            run("[context][0]", too_much)
    half = "x" * (MAX_RESULT // 2 - 2)
    assert run("[context, context]", half) == [half, half]
    with pytest.raises(CelFailed):
        run("[context, context]", half + "x")
