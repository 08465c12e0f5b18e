"""What an expression's text says before it is compiled: its end, a bare path, its shape, what it may read."""

from typing import Any

import pytest
from airlock_orchestration.engine.expressions import (
    Bare,
    Malformed,
    Shape,
    Touched,
    find_end,
    read_bare,
    shape,
    touched,
)

LONG_ID = "a" * 63
NO_OUTPUT = (
    "nodes is followed by the id of a node and .output; "
    'in CEL an id with a hyphen is written nodes["my-node"].output'
)


@pytest.mark.parametrize(
    ("expression", "bare"),
    [
        ("context", Bare(None, ())),
        ("context.a.b", Bare(None, ("a", "b"))),
        ("context[0][12]", Bare(None, (0, 12))),
        ("context['a b'][\"c'd\"].e", Bare(None, ("a b", "c'd", "e"))),
        ("context.my-key", Bare(None, ("my-key",))),
        ("nodes.scan.output", Bare("scan", ())),
        ("nodes.my-node.output.x", Bare("my-node", ("x",))),
        ("nodes['my-node'].output[\"x\"]", Bare("my-node", ("x",))),
        ('nodes.scan["output"].x', Bare("scan", ("x",))),
        (f"nodes.{LONG_ID}.output", Bare(LONG_ID, ())),
        (f"nodes.{LONG_ID}a.output", None),
        ("context.count-1", None),
        ("context.a-context.b", None),
        ("context.a + 1", None),
        ("context[-1]", None),
        ("context['a\\n']", None),
        ("nodes.scan", None),
        ("other.a", None),
        (" context", None),
    ],
)
def test_a_bare_path_is_read_step_by_step(expression: str, bare: Bare | None) -> None:
    assert read_bare(expression) == bare


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("context }} and more }}", 8),
        ("{'a': {'b': 1}} }}", 16),
        ("'}}' }}", 5),
        ('"""}}""" + r"}}\\" }}', 18),
        ("1 // }}\n }}", 9),
        ("{}}}", 2),
        ("x" * 20 + "}}", 20),
    ],
)
def test_an_expression_ends_at_its_braces_outside_of_strings_and_maps(text: str, end: int) -> None:
    assert find_end(text, 0, 20) == end
    assert find_end("{{" + text, 2, 20) == end + 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("context", "{{ without a closing }}"),
        ("x" * 20, "{{ without a closing }}"),
        ("x" * 21, "no closing }} within 20 characters"),
        ("x" * 21 + "}}", "no closing }} within 20 characters"),
        ("} }} }}", "{{ without a closing }}"),
        ("context }", "{{ without a closing }}"),
        ("{ }}", "{{ without a closing }}"),
        ("'a }}", "a string is not closed"),
        ('"a }}', "a string is not closed"),
    ],
)
def test_an_expression_that_does_not_end_says_so(text: str, reason: str) -> None:
    for before in ("", "{{"):
        with pytest.raises(Malformed) as refused:
            find_end(before + text, len(before), 20)
        assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("expression", "counts"),
    [
        ("context", {}),
        ("// nothing but this", {}),
        ("f(context.a, 2, 3)", {"literals": 3}),
        ("[1, 2]", {"literals": 2}),
        ("a + b + c", {"joins": 2}),
        ("string(a) + bytes(b)", {"joins": 3}),
        ("string + bytes", {"joins": 1}),
        ("a.size() + 1", {"joins": 1, "scans": 1}),
        ("a.contains(b)", {"scans": 1}),
        ("a.endsWith(b) && size(c) > 1", {"scans": 2}),
        ("a.matches(b)", {"scans": 10}),
        ("a.startsWith(size)", {}),
        ("l.map(x, x)", {"loops": (0,), "nesting": 1, "builds": 1, "literals": 2}),
        ("l.filter(x, x)", {"loops": (0,), "nesting": 1, "builds": 1, "literals": 2}),
        ("l.map(x, x).filter(y, y)", {"loops": (0, 0), "nesting": 1, "builds": 2, "literals": 3}),
        ("l.all(x, l.exists(y, y))", {"loops": (0, 0), "nesting": 2, "literals": 3}),
        ("l.exists_one(x, l.existsOne(y, l.all(z, z)))", {"loops": (0, 0, 0), "nesting": 3, "literals": 4}),
        ("l.all(x, x + x + x)", {"loops": (2,), "nesting": 1, "literals": 2}),
        ("l.all(x, (x + string(x)) == y)", {"loops": (2,), "nesting": 1, "literals": 2}),
        ("l.all(x, l.all(y, x + y) + x) + z", {"loops": (1, 1), "nesting": 2, "joins": 1, "literals": 3}),
        ("l.all(x, x) + (l + l).all(x, x + x)", {"loops": (0, 1), "nesting": 1, "joins": 2, "literals": 3}),
        ("l.all(x, f(x) + (1))", {"loops": (1,), "nesting": 1, "literals": 2}),
        ("map + filter", {"joins": 1}),
        ("a[0]", {"indexes": True}),
        ("a.b[i]", {"indexes": True}),
        ("[1][0]", {"indexes": True}),
        ("(a)[0]", {"indexes": True}),
        ("{'a': 1}[b]", {"indexes": True}),
        ("'ab'[0]", {"indexes": True}),
        ('a["b"]', {}),
        ("a['b']['c']", {}),
        ("a['b'][0] == a['c']", {"indexes": True}),
        ("a[0] == a['c']", {"indexes": True}),
        ("f([0])", {}),
        ("1 + [0]", {"joins": 1}),
        ("a['''b''']", {"indexes": True}),
        ('a["""b"""]', {"indexes": True}),
        ("a['']", {}),
        ("a['", {"indexes": True}),
        ("a[Xy]", {"indexes": True}),
        ("a[r'b']", {"indexes": True}),
        ("a['b\\n']", {"indexes": True}),
        (")(+", {"joins": 1}),
        ("'+' // + a + b", {}),
    ],
)
def test_the_shape_counts_what_may_take_long(expression: str, counts: dict[str, Any]) -> None:
    plain = {"loops": (), "nesting": 0, "builds": 0, "joins": 0, "indexes": False, "scans": 0, "literals": 1}
    assert shape(expression) == Shape(**{**plain, **counts})


@pytest.mark.parametrize(
    ("expression", "reads"),
    [
        ("1 + 2", []),
        ("context", [(None, ())]),
        ("context.a.b + context.c", [(None, ("a", "b")), (None, ("c",))]),
        ("context['a'].b[\"c\"]", [(None, ("a", "b", "c"))]),
        ("context.a[0].b", [(None, ("a",))]),
        ("context.a.b()", [(None, ("a",))]),
        ("context.a.map(x, x.b)", [(None, ("a",))]),
        ("context.a['b\\n'].c", [(None, ("a",))]),
        ("context.a [ 'b' ] . c", [(None, ("a", "b", "c"))]),
        ("context.a['b'", [(None, ("a",))]),
        ("context.a.", [(None, ("a",))]),
        ("context.a.1", [(None, ("a",))]),
        ("context._a", [(None, ("_a",))]),
        ("nodes.a.output", [("a", ())]),
        ("nodes.a.output.b.c", [("a", ("b", "c"))]),
        ("nodes['a-b'].output == nodes.c['output'].d", [("a-b", ()), ("c", ("d",))]),
        ("x.context.nodes + context.nodes", [(None, ("nodes",))]),
        ("x['a'].context + f().nodes + 'a'.nodes + [1].nodes + {1: 2}.nodes", []),
        ("{'nodes': 1} == 'context'", []),
    ],
)
def test_what_may_be_read_is_as_long_as_the_text_gives_away(
    expression: str, reads: list[tuple[str | None, tuple[str, ...]]]
) -> None:
    assert touched(expression) == [Touched(node, steps) for node, steps in reads]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("nodes", NO_OUTPUT),
        ("nodes.a", NO_OUTPUT),
        ("nodes.a.input", NO_OUTPUT),
        ("nodes[x].output", NO_OUTPUT),
        ("nodes.my-node.output", NO_OUTPUT),
        ("context.a + nodes.a.outputs", NO_OUTPUT),
        (".context", "write context without a dot before it"),
        ("1 + .context.a", "write context without a dot before it"),
        ("f(.nodes.a.output)", "write nodes without a dot before it"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        touched(expression)
    assert str(refused.value) == reason
