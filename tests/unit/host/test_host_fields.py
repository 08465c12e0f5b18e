"""Fields of agents' log lines: what is shown of them, and what is said of the rest."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from airlock_agents.host.fields import shown_fields
from hypothesis import given
from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=20),
    max_leaves=60,
)


def entries(value: Any) -> Iterator[Any]:
    """What a store of logs makes of fields: an entry for each value that has a name."""
    if isinstance(value, Mapping) and value:
        for inner in value.values():
            yield from entries(inner)
    else:
        yield value


def many(count: int) -> dict[str, Any]:
    return {f"field_{number}": number for number in range(count)}


def test_as_many_names_as_may_be_are_all_shown() -> None:
    assert shown_fields(many(32)).fields == many(32)


def test_of_more_names_the_first_are_shown_and_the_rest_is_counted() -> None:
    assert shown_fields(many(100)).fields == {
        **many(32),
        "omitted": "68 fields: a line has at most 32 names",
    }


def test_names_inside_of_others_count_as_well() -> None:
    shown = shown_fields({"first": 1, "deep": {"deeper": many(32)}, "last": 2})
    assert shown.fields == {"first": 1, "omitted": "2 fields: a line has at most 32 names"}


@pytest.mark.parametrize("value", [list(range(1000)), [many(10)] * 10, {}, None])
def test_whatever_is_in_a_list_is_one_entry(value: Any) -> None:
    assert shown_fields({"one": value}).fields == {"one": value}


def test_secrets_are_masked_at_every_depth() -> None:
    shown = shown_fields({"password": "hunter2", "login": {"token": "t", "user": "u"}})
    assert shown.fields == {"password": "***", "login": {"token": "***", "user": "u"}}


@given(st.dictionaries(st.text(max_size=8), ANYTHING, max_size=60))
def test_whatever_is_given_a_line_stays_within_its_bounds(fields: dict[str, Any]) -> None:
    shown = shown_fields(fields)
    assert (shown.fields is None) is (not fields)
    if shown.fields is not None:
        assert len(list(entries(shown.fields))) <= 33
        assert shown.size <= 16 * 1024
