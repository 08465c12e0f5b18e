"""The door's memory of runs is bounded by their nodes, and holds nothing that is over."""

from dataclasses import replace

import pytest
from airlock_contracts.statuses import RunStatus
from airlock_orchestration.engine.state import RunState
from airlock_orchestration.operations.remembered import Remembered
from engine_runs import new, node


@pytest.fixture
def pair() -> RunState:
    """A run of two nodes."""
    return new(node("a"), node("b", ["a"]))


def test_the_oldest_go_where_their_nodes_are_too_many(pair: RunState) -> None:
    kept = Remembered(max_nodes=4)
    for name in ("first", "second", "third"):
        kept.put(replace(pair, id=name))
    assert [kept.get(name) is not None for name in ("first", "second", "third")] == [False, True, True]


def test_what_was_put_last_is_kept_however_large(pair: RunState) -> None:
    kept = Remembered(max_nodes=1)
    kept.put(replace(pair, id="small"))
    kept.put(replace(pair, id="large"))
    assert kept.get("small") is None
    assert kept.get("large") is not None


def test_a_newer_state_takes_the_place_of_the_older_and_counts_once(pair: RunState) -> None:
    kept = Remembered(max_nodes=4)
    kept.put(replace(pair, id="other"))
    for version in range(5):
        kept.put(replace(pair, id="same", version=version))
    assert kept.get("other") is not None
    assert (found := kept.get("same")) is not None
    assert found.version == 4


def test_a_run_that_is_over_is_forgotten(pair: RunState) -> None:
    kept = Remembered()
    kept.put(pair)
    kept.put(replace(pair, status=RunStatus.SUCCESS))
    assert kept.get(pair.id) is None
    kept.forget(pair.id)
    assert kept.get(pair.id) is None
