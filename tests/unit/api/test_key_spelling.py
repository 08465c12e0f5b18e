"""Keys as they are spelled, ids as they are made, and versions as they are ordered."""

from __future__ import annotations

import random
from uuid import UUID

import pytest
from airlock_chassis.ids import uuid7
from airlock_orchestration.operations.ids import is_name, parse_uuid
from airlock_orchestration.operations.keys import parse, spell
from airlock_orchestration.store.agents import version_key
from hypothesis import given
from hypothesis import strategies as st

KEY = spell("0123456789", "ab" * 32)


def test_a_key_is_read_as_it_was_spelled() -> None:
    assert KEY.startswith("airlock_0123456789_abab")
    assert parse(KEY) == ("0123456789", "ab" * 32)


@given(st.integers(0, len(KEY) - 1), st.sampled_from("0123456789abcdefghijklmnopqrstuvwxyz_"))
def test_a_mistyped_key_is_refused_without_asking_anyone(place: int, character: str) -> None:
    typed = KEY[:place] + character + KEY[place + 1 :]
    assert (parse(typed) is None) == (typed != KEY)


@pytest.mark.parametrize("text", ["", "airlock", KEY.upper(), KEY + "\n", " " + KEY, KEY[:-1], KEY * 2])
def test_what_is_no_key_is_refused(text: str) -> None:
    assert parse(text) is None


def test_an_id_is_read_only_as_we_write_it() -> None:
    id_ = uuid7()
    assert parse_uuid(str(id_)) == id_
    for other in (str(id_).upper(), id_.hex, f"{{{id_}}}", f"urn:uuid:{id_}", "name", ""):
        assert parse_uuid(other) is None
    assert isinstance(parse_uuid(str(id_)), UUID)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("a", True), ("security-review", True), ("A", False), ("", False), ("a\x00", False), ("a\n", False)],
)
def test_what_may_be_a_name(text: str, answer: bool) -> None:
    assert is_name(text) is answer


def test_versions_order_as_semantic_versioning_says() -> None:
    ordered = [
        *("0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"),
        *("1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0-1", "2.0.0", "10.0.0"),
    ]
    shuffled = random.Random(7).sample(ordered, len(ordered))
    assert sorted(shuffled, key=version_key) == ordered
