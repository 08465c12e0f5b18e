"""Telemetry goes out in batches, also while it comes as fast as it is sent."""

import threading
import time
from collections.abc import Sequence

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

    batches: Batches[int] = Batches("traces", send, lambda: None, most=100, most_bytes=1, every_seconds=0.05)
    batches.put(0)
    assert sending.wait(10)
    for number in range(5):
        batches.put(number)
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

    batches: Batches[int] = Batches(
        "traces", send, lambda: None, most=100, most_bytes=1, batch=4, every_seconds=60
    )
    for number in range(4):
        batches.put(number)
    until = time.monotonic() + 10
    while not sent and time.monotonic() < until:
        time.sleep(0.001)
    assert sent == [4]
    for number in range(3):
        batches.put(number)
    batches.close(10)
    assert sent == [4, 3]
