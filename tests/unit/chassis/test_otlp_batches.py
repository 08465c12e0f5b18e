"""Telemetry goes out in batches, also while it comes as fast as it is sent."""

import threading
import time
from collections.abc import Sequence

from airlock_chassis.telemetry.metrics import telemetry_dropped_total
from airlock_chassis.telemetry.otlp.batches import Batches


def test_what_comes_while_a_batch_is_sent_collects_for_the_next() -> None:
    sent: list[int] = []
    sending = threading.Event()
    more = threading.Event()

    def send(items: Sequence[int]) -> int:
        sent.append(len(items))
        sending.set()
        assert more.wait(10)
        return 0

    batches: Batches[int] = Batches("traces", send, lambda: None, most=100, every_seconds=0.05)
    batches.put(0, 1)
    assert sending.wait(10)
    for number in range(5):
        batches.put(number, 1)
    began = time.monotonic()
    more.set()
    assert batches.flush(10)
    batches.close(10)
    assert sent == [1, 5]
    assert time.monotonic() - began < 10


def test_a_full_batch_does_not_wait_and_the_end_leaves_nothing() -> None:
    sent: list[int] = []

    def send(items: Sequence[int]) -> int:
        sent.append(len(items))
        return 0

    batches: Batches[int] = Batches("traces", send, lambda: None, most=100, batch=4, every_seconds=60)
    for number in range(4):
        batches.put(number, 1)
    until = time.monotonic() + 10
    while not sent and time.monotonic() < until:
        time.sleep(0.001)
    assert sent == [4]
    for number in range(3):
        batches.put(number, 1)
    batches.close(10)
    assert sent == [4, 3]


def test_a_steady_trickle_goes_out_once_a_turn_and_not_item_by_item() -> None:
    """However slow a send is: more come during each of these than it takes away."""
    sent: list[int] = []
    going = threading.Event()

    def send(items: Sequence[int]) -> int:
        going.wait(0.006)
        sent.append(len(items))
        return 0

    batches: Batches[int] = Batches("traces", send, lambda: None, most=10_000, every_seconds=1.0)
    began = time.monotonic()
    while (lasted := time.monotonic() - began) < 5:
        batches.put(0, 1)
        going.wait(0.004)
    so_far = len(sent)
    batches.close(10)
    assert 2 <= so_far <= lasted / 1.0 + 1
    assert sum(sent) > 4 * so_far


def test_what_is_heavy_goes_out_in_several_batches_and_what_is_heavier_than_a_batch_alone() -> None:
    sent: list[list[int]] = []

    def send(items: Sequence[int]) -> int:
        sent.append(list(items))
        return 0

    batches: Batches[int] = Batches(
        "traces", send, lambda: None, most=100, batch=4, batch_bytes=10, every_seconds=60
    )
    with batches._lock:  # nothing is taken meanwhile
        batches._waiting.extend([(6, 6), (4, 4), (1, 1), (25, 25), (1, 1), (1, 1), (1, 1), (1, 1), (1, 1)])
    batches.close(10)
    assert sent == [[6, 4], [1], [25], [1, 1, 1, 1], [1]]


def test_what_weighs_a_batch_does_not_wait_for_the_next_turn() -> None:
    sent = threading.Event()

    def send(items: Sequence[int]) -> int:
        sent.set()
        return 0

    batches: Batches[int] = Batches(
        "traces", send, lambda: None, most=100, batch=4, batch_bytes=10, every_seconds=60
    )
    batches.put(0, 5)
    batches.put(0, 5)
    assert sent.wait(10)
    batches.close(10)


def test_what_waits_is_bounded_by_bytes_and_what_was_sent_makes_room() -> None:
    dropped = telemetry_dropped_total.labels("traces")._value
    sending, more = threading.Event(), threading.Event()
    sent: list[int] = []

    def send(items: Sequence[int]) -> int:
        sent.extend(items)
        sending.set()
        assert more.wait(10)
        return 0

    batches: Batches[int] = Batches(
        "traces", send, lambda: None, most=100, most_bytes=10, batch=1, every_seconds=60
    )
    batches.put(1, 10)
    assert sending.wait(10)
    before = dropped.get()
    batches.put(2, 8)
    batches.put(3, 3)
    batches.put(4, 2)
    assert dropped.get() - before == 1
    more.set()
    batches.close(10)
    assert sent == [1, 2, 4]
