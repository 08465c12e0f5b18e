"""What goes into jsonb and text is what Postgres takes, and nothing else is touched."""

import json
from typing import Any

import pytest
from airlock_orchestration.store.json_text import clean_text, to_jsonb
from hypothesis import given
from hypothesis import strategies as st

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
    max_leaves=20,
)


@given(json_values)
def test_whatever_comes_postgres_takes_it(value: Any) -> None:
    text = to_jsonb(value)
    text.encode("utf-8")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    strings: list[str] = []
    json.loads(text, object_pairs_hook=lambda pairs: strings.extend(key for key, _ in pairs))
    assert not any("\x00" in string for string in strings)
    assert "\\u0000" not in text.replace("\\\\", "")


@given(st.text(st.characters(codec=None)))
def test_text_is_cleaned_of_nothing_else(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode("utf-8")
    assert "\x00" not in cleaned
    assert len(cleaned) == len(text)
    assert all(a == b for a, b in zip(text, cleaned, strict=True) if b not in "?\ufffd")


def test_an_escaped_backslash_is_no_null_character() -> None:
    assert json.loads(to_jsonb({"a": "\\u0000"})) == {"a": "\\u0000"}
    assert json.loads(to_jsonb({"a": "\\u0000", "b": "\x00"})) == {"a": "\\u0000", "b": "\ufffd"}
