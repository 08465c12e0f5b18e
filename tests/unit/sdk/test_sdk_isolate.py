"""A hostile item costs itself: the ones behind it are worked on."""

from __future__ import annotations

import mmap
import os
import signal
import time

import pytest
from airlock_sdk import isolate

CRASHED = "crashed it, or made it run out of memory"


def work(item: str) -> str:
    if item == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "hang":
        time.sleep(600)
    if item == "flood":
        bytearray(8 << 30)
    return item.upper()


def lost(item: str, reason: str) -> str:
    return f"{item}: {reason}"


def test_a_crash_a_hang_and_a_flood_cost_one_item_each() -> None:
    items = ["a", "crash", "b", "hang", "flood", "c"]
    answers = list(isolate.each(work, items, lost, seconds=1.0, memory=4 << 30))
    assert answers == ["A", f"crash: {CRASHED}", "B", "hang: took longer than 1 s", f"flood: {CRASHED}", "C"]


def test_a_workspace_full_of_bombs_ends() -> None:
    with pytest.raises(isolate.TooManyCrashes, match="51 items"):
        list(isolate.each(work, ["crash"] * 60, lost))


def test_nothing_to_do_starts_nothing() -> None:
    assert list(isolate.each(work, [], lost)) == []


def test_what_the_parent_has_mapped_is_no_fault_of_an_item() -> None:
    with mmap.mmap(-1, 4 * isolate.MEMORY):
        assert list(isolate.each(len, ["one", "three"], _never)) == [3, 5]


def _never(item: str, reason: str) -> int:
    raise AssertionError(f"{item} was lost: {reason}")
