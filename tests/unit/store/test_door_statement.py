"""The door's statement holds the parts that a batch needs, and numbers its arguments without a gap."""

import re

import pytest
from airlock_orchestration.store.door.rowsets import ROWSETS, arrays
from airlock_orchestration.store.door.statement import statement

ALL = tuple(ROWSETS)
SHAPES = [
    ("runs", "nodes", "attempts", "events"),
    ("runs", "created", "nodes", "attempts", "inputs", "events"),
    ("runs", "nodes", "events", "expiry_guards"),
    ("runs", "nodes", "attempts", "events", "lease_guards", "locks"),
    ("runs", "nodes", "attempts", "outputs", "uses", "events"),
    ALL,
]


@pytest.mark.parametrize("shape", SHAPES)
def test_arguments_are_numbered_as_the_rows_are_handed_over(shape: tuple[str, ...]) -> None:
    numbers = {int(number) for number in re.findall(r"\$(\d+)", statement(shape))}
    assert numbers == set(range(1, sum(len(ROWSETS[name]) for name in shape) + 1))


@pytest.mark.parametrize("shape", SHAPES)
def test_only_what_the_batch_has_is_written(shape: tuple[str, ...]) -> None:
    written = set(re.findall(r"(?:INSERT INTO|UPDATE) (\w+)", statement(shape)))
    tables = {
        "runs": {"runs"},
        "nodes": {"nodes"},
        "attempts": {"attempts"},
        "questions": {"approvals"},
        "answers": {"approvals"},
        "inputs": {"inputs"},
        "outputs": {"outputs"},
        "uses": {"artifact_uses"},
        "events": {"events"},
    }
    assert written - {"SET", "OF"} == set().union(*(tables.get(name, set()) for name in shape))


def test_one_shape_is_one_text() -> None:
    assert statement(ALL) is statement(ALL)


def test_rows_become_columns() -> None:
    assert arrays([(1, "a", None), (2, "b", 3)]) == [[1, 2], ["a", "b"], [None, 3]]
