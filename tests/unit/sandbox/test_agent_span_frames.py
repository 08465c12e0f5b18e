"""An agent's span frames: whatever stands in one, what is read of it is bounded and safe to show."""

from datetime import UTC, datetime
from typing import Any

import pytest
from airlock_agents.sandbox.spans import AgentSpan, Dropped, SpanReader, read_span
from hypothesis import given
from hypothesis import strategies as st

GOOD: dict[str, Any] = {
    "type": "span",
    "name": "parse",
    "id": "5bd66ef5095369c7",
    "parent": "b7ad6b7169203331",
    "status": "ok",
    "start": "2026-01-01T00:00:01Z",
    "end": "2026-01-01T00:00:02.5Z",
    "attributes": {"files": 3, "ratio": 0.5, "cold": True, "tool": "bandit"},
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=80), inner, max_size=20),
    max_leaves=20,
)


def read(**changed: Any) -> AgentSpan | None:
    return read_span({**GOOD, **changed})


def good(**changed: Any) -> AgentSpan:
    span = read(**changed)
    assert span is not None
    return span


def test_a_span_is_read_as_it_was_told() -> None:
    assert good() == AgentSpan(
        id="5bd66ef5095369c7",
        parent="b7ad6b7169203331",
        name="parse",
        start=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),
        end=datetime(2026, 1, 1, 0, 0, 2, 500_000, tzinfo=UTC),
        failed=False,
        attributes={"files": 3, "ratio": 0.5, "cold": True, "tool": "bandit"},
    )


@pytest.mark.parametrize("field", ["name", "id", "start", "end"])
@pytest.mark.parametrize("value", [None, 7, "", [], {"a": 1}, " \n"])
def test_a_span_without_name_id_or_times_that_can_be_read_is_none(field: str, value: Any) -> None:
    assert read(**{field: value}) is None


@pytest.mark.parametrize(
    "id_",
    ["0" * 16, "5BD66EF5095369C7", "5bd66ef5095369c", "5bd66ef5095369c7a", "5bd66ef5095369c7\n", "x" * 16],
)
def test_an_id_that_is_none_makes_no_span_and_no_parent(id_: str) -> None:
    assert read(id=id_) is None
    assert good(parent=id_).parent is None


@pytest.mark.parametrize(
    "time",
    [
        "2026-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-01-01 00:00:00Z",
        "2026-W01-1T00:00:00Z",
        "٢٠٢٦-01-01T00:00:00Z",
        "99999-01-01T00:00:00Z",
        "1" * 60_000,
    ],
)
def test_a_time_that_is_no_time_makes_no_span(time: str) -> None:
    assert read(start=time) is None
    assert read(end=time) is None


@pytest.mark.parametrize("year", ["0001", "1970", "9999"])
def test_a_time_far_away_is_read_and_left_to_the_host(year: str) -> None:
    assert good(start=f"{year}-12-31T23:59:59.999999999Z").start.year == int(year)


def test_long_texts_are_cut_and_what_a_terminal_would_obey_is_made_visible() -> None:
    span = good(name="\x1b[2J" + "n" * 300, attributes={"k" * 300: "v" * 300, "esc": "\x1b]0;x\x07"})
    assert span.name == "\\u001b[2J" + "n" * (128 - len("\\u001b[2J"))
    assert span.attributes == {"k" * 64: "v" * 256, "esc": "\\u001b]0;x\\u0007"}
    assert good(name="two\nlines\tand\u2028more").name == "two lines and\\u2028more"


def test_attributes_that_no_trace_can_carry_or_no_agent_may_give_are_left_out() -> None:
    given = {
        "list": [1],
        "object": {"a": 1},
        "null": None,
        "huge": 2**63,
        "infinite": float("inf"),
        "airlock.agent": "somebody-else@1.0.0",
        "airlock.run": "another",
        "": "no name",
        "kept": -(2**63),
    }
    assert good(attributes=given).attributes == {"kept": -(2**63)}
    assert good(attributes=[1, 2]).attributes == {}


def test_more_attributes_than_may_be_are_cut_off() -> None:
    assert list(good(attributes={f"a{n}": n for n in range(1000)}).attributes) == [f"a{n}" for n in range(16)]


@pytest.mark.parametrize(
    ("status", "failed"), [("error", True), ("ok", False), ("ERROR", False), ([], False)]
)
def test_only_the_word_error_is_an_error(status: Any, failed: bool) -> None:
    assert good(status=status).failed is failed


def frames(count: int, **changed: Any) -> list[AgentSpan | Dropped]:
    """As many frames of one attempt as they are read."""
    reader = SpanReader()
    return [reader.read({**GOOD, "id": f"{number + 1:016x}", **changed}) for number in range(count)]


def kept_of(told: list[AgentSpan | Dropped]) -> list[AgentSpan]:
    return [one for one in told if isinstance(one, AgentSpan)]


def test_an_attempt_has_so_many_spans_and_what_comes_after_is_counted() -> None:
    assert [isinstance(one, AgentSpan) for one in frames(300)] == [True] * 256 + [False] * 44
    assert frames(300)[-1] == Dropped(1)


def test_all_names_together_have_a_bound_in_bytes() -> None:
    told = frames(256, name="\N{PILE OF POO}" * 128)
    assert len(kept_of(told)) == 32 * 1024 // (4 * 128)
    assert set(told[64:]) == {Dropped(1)}


def test_attributes_beyond_their_bound_cost_a_span_no_more_than_them() -> None:
    reader = SpanReader()
    large = {f"a{number}": "\N{PILE OF POO}" * 256 for number in range(16)}
    first, *_, last = (
        reader.read({**GOOD, "id": f"{number + 1:016x}", "attributes": large}) for number in range(100)
    )
    assert isinstance(first, AgentSpan)
    assert (len(first.attributes), first.left_out) == (16, 0)
    assert isinstance(last, AgentSpan)
    assert (last.name, last.attributes, last.left_out) == ("parse", {}, 16)


@pytest.mark.parametrize(
    "shape",
    [
        {"name": "n" * 128, "attributes": {f"{n:02}": n for n in range(16)}},
        {
            "name": "n",
            "attributes": {f"{n:02}" + "\N{PILE OF POO}" * 62: "\N{PILE OF POO}" * 256 for n in range(16)},
        },
        {"name": "\N{PILE OF POO}" * 128, "attributes": {f"{n:x}": "" for n in range(16)}},
    ],
)
def test_whatever_an_attempt_tells_it_is_128_kib_at_most(shape: dict[str, Any]) -> None:
    told = kept_of(frames(1000, **shape))
    words = [text for one in told for text in (one.name, *one.attributes, *one.attributes.values())]
    assert 0 < sum(len(str(word).encode()) for word in words) <= 128 * 1024


@pytest.mark.parametrize(
    ("said", "count"),
    [(44, 44), (0, 1), (-5, 1), (10**30, 2**31), ("44", 1), (True, 1), (4.5, 1), (None, 1), ([], 1)],
)
def test_an_agent_may_say_how_many_it_left_out_itself(said: Any, count: int) -> None:
    assert SpanReader().read({"type": "span", "dropped": said}) == Dropped(count)


@given(fields=st.dictionaries(st.sampled_from([*GOOD, "other"]), ANYTHING), real=st.booleans())
def test_nothing_that_an_agent_sends_raises_or_goes_beyond_the_bounds(
    fields: dict[str, Any], real: bool
) -> None:
    kept = {key: GOOD[key] for key in ("id", "start", "end", "name")} if real else {}
    span = read_span({**fields, **kept})
    if span is None:
        return
    assert len(span.name) <= 128
    assert len(span.attributes) <= 16
    for key, value in span.attributes.items():
        assert len(key) <= 64
        assert not isinstance(value, str) or len(value) <= 256
        assert (key + str(value)).encode()  # no half of a pair of surrogates
