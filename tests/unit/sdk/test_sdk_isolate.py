"""A hostile item costs itself: the ones behind it are worked on."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import signal
import threading
import time

from airlock_sdk import isolate

CRASHED = "crashed it, or made it run out of memory"


def work(item: str) -> str:
    if item == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "hang":
        time.sleep(600)
    if item == "flood":
        bytearray(8 << 30)
    if item == "half an answer":
        threading.Timer(2.0, os._exit, (1,)).start()
        return "more than a pipe holds" * 10_000
    return item.upper()


def lost(item: str, reason: str) -> str:
    return f"{item}: {reason}"


def test_a_crash_a_hang_and_a_flood_cost_one_item_each() -> None:
    items = ["a", "crash", "b", "hang", "flood", "c"]
    answers = list(isolate.each(work, items, lost, seconds=10.0, memory=4 << 30))
    assert answers == ["A", f"crash: {CRASHED}", "B", "hang: took longer than 10 s", f"flood: {CRASHED}", "C"]


def test_a_child_that_ends_amid_an_answer_costs_that_item() -> None:
    answers = isolate.each(work, ["a", "half an answer", "b"], lost)
    assert next(answers) == "A"
    (child,) = multiprocessing.active_children()
    child.join()  # nobody listens meanwhile, so that it ends with a part of its answer in the pipe
    assert list(answers) == [f"half an answer: {CRASHED}", "B"]


def test_a_workspace_full_of_bombs_ends_and_loses_nothing_that_was_answered() -> None:
    answers = list(isolate.each(work, ["a", *["crash"] * 60, "b"], lost))
    worked_on = ["A", *[f"crash: {CRASHED}"] * isolate.MAX_LOST]
    left = [*["crash"] * (60 - isolate.MAX_LOST), "b"]
    assert answers == [*worked_on, *(f"{item}: {isolate.NO_TIME}" for item in left)]


def test_those_that_hang_share_their_time_and_the_harmless_behind_them_are_worked_on() -> None:
    answers = list(isolate.each(work, ["hang", "hang", "a"], lost, seconds=600.0, lost_seconds=16.0))
    assert answers == ["hang: took longer than 8 s", "hang: took longer than 4 s", "A"]


def test_nothing_to_do_starts_nothing() -> None:
    assert list(isolate.each(work, [], lost)) == []


def test_what_the_parent_has_mapped_is_no_fault_of_an_item() -> None:
    with mmap.mmap(-1, 4 * isolate.MEMORY):
        assert list(isolate.each(len, ["one", "three"], _never)) == [3, 5]


def _never(item: str, reason: str) -> int:
    raise AssertionError(f"{item} was lost: {reason}")
