"""What the SDK says of patterns and of large numbers is what Airlock says of them."""

from __future__ import annotations

from typing import Any

import pytest
from airlock_orchestration.engine.schemas import Validator, check_schema
from airlock_sdk.testing import UnsupportedSchema, example, examples, mismatch
from airlock_sdk.testing.matching import judge
from hypothesis import given
from hypothesis import strategies as st

BEYOND_ASCII = (
    "\x85\xa0\u00b5\u00e9\u00c9\u017f\u0663\u1680\u180e\u200b\u2028\u202f\u212a\u3000\ufeff\U0001f44d"
)
PATTERNS = [
    *[r"^\S+$", r"^\S+\s\S+$", r"^\w+$", r"^[\w.-]+$", r"^[^\s,]+$", r"\b\u00e9", r"\B1", r"^\D\W$"],
    *[
        "(?i)^\u00e9",
        r"(?i)^\w$",
        r"(?i)^[a-z]+$",
        r"^[-\d]+$",
        r"^[^-\w]$",
        r"^[x\d-]+$",
        "^[[]",
        r"^[a&&\d||~~]+$",
        r"^(a$|b)",
        r"^[$]\$$",
    ],
    *[r"^.$", "(?s)^.$", "(?m)^a$", r"^[]\s]$", r"^\\d$", r"^[\\d]$", r"(?x) ^ \s $"],
]


def agrees(schema: dict[str, Any], value: object) -> bool:
    """Whether the SDK's verdict is Airlock's own."""
    return (mismatch(schema, value) is None) == (Validator(schema).problem(value) is None)


@pytest.mark.parametrize(
    "spelled", [form % kind for kind in "dDwWsS" for form in (r"\%s", r"[\%s]", r"[^\%s]")]
)
def test_a_class_of_characters_holds_those_that_it_holds_in_airlock(spelled: str) -> None:
    schema = {"pattern": f"^{spelled}$"}
    validator = Validator(schema)
    characters = [*map(chr, range(0x250)), *map(chr, range(0x1FF0, 0x2070)), *BEYOND_ASCII]
    differing = [
        one for one in characters if (mismatch(schema, one) is None) != (validator.problem(one) is None)
    ]
    assert differing == []


@given(
    pattern=st.sampled_from(PATTERNS),
    text=st.text("aAbx15_ .$-[]&|~\\d\n\r\t\x1c" + BEYOND_ASCII, max_size=5),
)
def test_a_pattern_is_found_where_airlock_finds_it(pattern: str, text: str) -> None:
    assert agrees({"pattern": pattern}, text)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_these_patterns_can_be_registered(pattern: str) -> None:
    assert check_schema({"pattern": pattern}, "here") == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"a\Z",
        "a{,2}",
        "a{,}",
        "(?#why)a",
        r"\a",
        r"[\b]",
        r"[\Z]",
        "(?P<n>a)(?P=n)",
        "(a)(?(1)b|c)",
        "(?>a)",
        "(?=a)a",
        "(?<!b)a",
        r"(a)\1",
        r"[\d-x]",
        r"[ -\d]",
    ],
)
def test_a_pattern_that_registration_refuses_is_refused(pattern: str) -> None:
    assert check_schema({"pattern": pattern}, "here") != []
    with pytest.raises(UnsupportedSchema, match="no pattern"):
        mismatch({"pattern": pattern}, "a")


STEPS = st.sampled_from([1, 2, 3, 7, 10**12, 0.5, 0.1, 0.01, 1e-3, 1e-9, 1.1, 2.5])
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.decimals(-1000, 1000, places=3).map(float)


@given(step=STEPS, value=NUMBERS, count=st.integers(-(10**6), 10**6))
def test_a_multiple_is_one_for_airlock(step: float, value: float, count: int) -> None:
    assert agrees({"multipleOf": step}, value)
    assert agrees({"multipleOf": step}, count * step)


def test_a_number_larger_than_any_float_has_a_verdict() -> None:
    assert mismatch({"type": "integer", "multipleOf": 5}, 10**400) is None
    assert mismatch({"multipleOf": 3}, 10**400) == f"/: {10**400} is no multiple of 3"
    assert mismatch({"maximum": 5}, 10**400) == f"/: {10**400} is out of bounds"


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_an_example_between_large_bounds_is_on_the_step(kind: str) -> None:
    schema = {"type": kind, "multipleOf": 7, "minimum": 10**17}
    assert example(schema) == 10**17 + 2
    assert [one for one in examples(schema, 30) if one % 7] == []
    assert example({"type": kind, "minimum": 10**400}) == 10**400


def test_a_wrong_name_is_all_that_is_said_of_a_right_value() -> None:
    schema = {"propertyNames": {"maxLength": 1}, "additionalProperties": {"type": "integer"}}
    assert judge(schema, schema, {"ab": 1}).problems == ["/: the name 'ab': 2 characters"]
