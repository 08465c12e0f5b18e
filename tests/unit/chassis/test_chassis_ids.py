"""UUIDv7 in the order of their making."""

import threading
import time
from uuid import UUID

import pytest
from airlock_chassis.ids import uuid7


def test_ids_are_version_7_of_the_rfc_variant_and_carry_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before - 5 <= made.int >> 80 <= time.time_ns() // 1_000_000 + 5


def test_ids_grow_also_over_threads_and_never_repeat() -> None:
    made: list[list[UUID]] = [[] for _ in range(4)]

    def make(own: list[UUID]) -> None:
        own.extend(uuid7() for _ in range(5000))

    threads = [threading.Thread(target=make, args=(own,)) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(own == sorted(own) for own in made)
    assert len({one for own in made for one in own}) == 20_000


def test_ids_grow_while_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = uuid7()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    later = [uuid7() for _ in range(100)]
    assert [first, *later] == sorted({first, *later})
