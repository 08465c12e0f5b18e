"""What could not be sent: whose fault it was decides who is dropped, and whether more is tried."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from airlock_chassis.breaker import Breaker
from airlock_chassis.telemetry.otlp.collector import Collector, Sender
from airlock_chassis.telemetry.otlp.connection import BoundedSession

BAD = "bad"


def sender(
    export: Callable[[BoundedSession, Sequence[str]], bool], rejected: int = 0
) -> tuple[Sender, Breaker, list[int]]:
    """A sender, its breaker, and the sizes of what it tried."""
    breaker, session, tried = Breaker("otlp", rest_seconds=60), BoundedSession(), list[int]()

    def counted(items: Sequence[str]) -> bool:
        tried.append(len(items))
        return export(session, items)

    collector = replace(Collector.at("http://127.0.0.1:1", service="x", version="1"), breaker=breaker)
    made = Sender(collector, session, export=counted, end=session.close, rejected=lambda _: rejected)
    return made, breaker, tried


def unless_bad(_: BoundedSession, items: Sequence[str]) -> bool:
    return BAD not in items


def away(session: BoundedSession, _: Sequence[str]) -> bool:
    session.failed = True
    return False


def test_one_that_cannot_be_said_is_found_by_halves_and_dropped_alone() -> None:
    send, breaker, tried = sender(unless_bad)
    assert send([*["good"] * 300, BAD, *["good"] * 211]) == 1
    assert tried[0] == 512
    assert len(tried) == 1 + 2 * 9
    assert breaker.closed


def test_a_collector_that_was_not_asked_is_not_held_to_be_away(caplog: pytest.LogCaptureFixture) -> None:
    send, breaker, _ = sender(unless_bad)
    for _ in range(10):
        assert send([BAD, BAD]) == 2
    assert breaker.closed
    assert not breaker.doubtful
    assert [record.getMessage().count("otlp.broke") for record in caplog.records] == [1] * 10


def test_an_export_that_raises_is_no_fault_of_the_collector_s(caplog: pytest.LogCaptureFixture) -> None:
    def raises(_: BoundedSession, items: Sequence[str]) -> bool:
        if BAD in items:
            raise KeyError("what is missing")
        return True

    send, breaker, _ = sender(raises)
    assert send(["good", BAD, "good"]) == 1
    assert breaker.closed
    assert "what is missing" in caplog.text


def test_a_collector_that_is_away_is_tried_no_oftener_than_its_breaker_says() -> None:
    send, breaker, tried = sender(away)
    for _ in range(10):
        assert send(["good"] * 100) == 100
    assert not breaker.closed
    assert tried == [100, 100, 100]


def test_a_collector_that_goes_away_while_one_is_looked_for_is_tried_no_more() -> None:
    def goes_away(session: BoundedSession, items: Sequence[str]) -> bool:
        return unless_bad(session, items) and away(session, items)

    send, _, tried = sender(goes_away)
    assert send([BAD, *["good"] * 3]) == 4
    assert tried == [4, 2, 1, 1]


def test_what_the_collector_rejects_is_counted_and_no_more_than_it_got() -> None:
    assert sender(unless_bad, rejected=3)[0](["good"] * 5) == 3
    assert sender(unless_bad, rejected=3)[0](["good"] * 2) == 2


def test_after_the_end_nothing_is_looked_for_by_halves() -> None:
    send, _, tried = sender(lambda _, items: False)
    send.cut()
    assert send(["good"] * 100) == 100
    assert tried == [100]
