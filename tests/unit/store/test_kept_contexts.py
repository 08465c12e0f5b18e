"""Contexts are kept within a bound, and what is kept answers alone."""

from airlock_orchestration.store.contexts import Contexts

CONTEXT = frozenset({"context"})


def test_those_used_longest_ago_go_first() -> None:
    kept = Contexts(max_bytes=10)
    kept.put("a", {"n": 1}, 4)
    kept.put("b", {"n": 2}, 4)
    assert kept.get("a") == {"n": 1}
    kept.put("c", {"n": 3}, 4)
    assert [run in kept for run in "abc"] == [True, False, True]


def test_one_that_is_larger_than_the_bound_is_not_kept() -> None:
    kept = Contexts(max_bytes=10)
    kept.put("a", {}, 11)
    assert "a" not in kept


def test_a_context_that_is_null_is_kept_too() -> None:
    kept = Contexts()
    kept.put("a", None, 4)
    assert kept.hold({"a": CONTEXT})
    assert kept.get("a") is None


def test_what_is_not_a_context_must_be_asked_for() -> None:
    kept = Contexts()
    kept.put("a", {}, 2)
    assert kept.hold({"a": CONTEXT})
    assert not kept.hold({"a": CONTEXT | {"nodes.b"}})
    assert not kept.hold({"a": CONTEXT, "b": CONTEXT})


def test_what_is_put_twice_is_kept_as_it_was_and_counts_once() -> None:
    kept = Contexts(max_bytes=10)
    kept.put("a", {"n": 1}, 6)
    kept.put("a", {"n": 2}, 6)
    kept.put("b", {}, 4)
    assert kept.get("a") == {"n": 1}
    assert "b" in kept
