"""YAML is read with its lines and its bounds: nothing that a workspace holds can make it grow."""

from __future__ import annotations

from itertools import pairwise

import pytest
from airlock_agents.builtin.compliance_checker.yaml_nodes import NotReadable, read_documents


def test_values_know_their_lines() -> None:
    (top,) = read_documents("a:\n  - x\n  - b: |\n      first\n      second\non: push\n")
    block = list(next(one for key, one in top.items() if key == "a").each())[1].get("b")
    assert block is not None
    assert block.text == "first\nsecond\n"
    assert [block.line_of(block.text.index(word)) for word in ("first", "second")] == [4, 5]
    assert top.keys == {"a": 1, "on": 6}
    assert (top.get("on") or top).text == "push"


def test_aliases_and_merges_are_followed() -> None:
    (top,) = read_documents("base: &b {image: x, user: a}\none: {<<: *b, user: c}\ntwo: {<<: [*b, {k: v}]}\n")
    assert [(top.get("one", key) or top).text for key in ("image", "user")] == ["x", "c"]
    assert (top.get("two", "k") or top).text == "v"


def test_several_documents_and_none() -> None:
    assert [one.text for one in read_documents("a\n---\nb\n")] == ["a", "b"]
    assert read_documents("") == []


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in pairwise("abcdefghijk")
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "too large"),
        ("a: &a [*a]", "names nothing, or itself"),
        ("a: *b", "not valid YAML|names nothing"),
        ("[" * 5000, "nested deeper"),
        ("x: [\n- {{ .Values }}", "not valid YAML"),
        ("[" + "x," * 300_000 + "]", "more than"),
        ("a: \x07", "not valid YAML"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(NotReadable, match=why):
        read_documents(text)
