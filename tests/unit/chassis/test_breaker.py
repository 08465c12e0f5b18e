"""The breaker: opens after failures in a row, lets one try after a rest, and never refuses anybody."""

import threading

import pytest
from airlock_chassis.breaker import Breaker, BreakerState
from airlock_chassis.telemetry import breakers
from airlock_chassis.telemetry.breakers import told_breaker
from airlock_chassis.telemetry.metrics import circuit_breaker_state


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[tuple[BreakerState, str]]:
    return []


@pytest.fixture
def breaker(clock: Clock, told: list[tuple[BreakerState, str]]) -> Breaker:
    return Breaker(
        "docker",
        failures=3,
        rest_seconds=5,
        most_seconds=12,
        clock=clock,
        on_change=lambda it, reason: told.append((it.state, reason)),
    )


def opened(breaker: Breaker) -> Breaker:
    for n in range(3):
        breaker.failed(f"reason {n}")
    return breaker


def test_failures_in_a_row_open_it_and_say_the_last_reason(
    breaker: Breaker, told: list[tuple[BreakerState, str]]
) -> None:
    breaker.failed()
    breaker.failed()
    assert breaker.closed
    assert breaker.doubtful
    breaker.failed("no answer")
    assert told == [(BreakerState.OPEN, "no answer")]
    assert not breaker.may_try()


def test_an_answer_in_between_begins_the_count_anew(breaker: Breaker) -> None:
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.closed


def test_after_its_rest_one_may_try_and_the_others_wait(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += 4.9
    assert breaker.waits_seconds == pytest.approx(0.1)
    assert not breaker.may_try()
    clock.now += 0.1
    assert breaker.waits_seconds == 0
    assert breaker.may_try()
    assert breaker.state is BreakerState.HALF_OPEN
    assert not breaker.may_try()


def test_a_try_that_succeeds_closes_it_for_everybody(
    breaker: Breaker, clock: Clock, told: list[tuple[BreakerState, str]]
) -> None:
    opened(breaker)
    clock.now += 5
    assert breaker.may_try()
    breaker.succeeded()
    assert breaker.closed
    assert breaker.may_try()
    assert [state for state, _ in told] == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]


def test_each_try_that_fails_doubles_the_rest_up_to_a_bound(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    rests = []
    for _ in range(4):
        rests.append(breaker.waits_seconds)
        clock.now += breaker.waits_seconds
        assert breaker.may_try()
        breaker.failed()
    assert rests == [5, 10, 12, 12]
    clock.now += 12
    assert breaker.may_try()
    breaker.succeeded()
    opened(breaker)
    assert breaker.waits_seconds == 5  # what was learnt before is over


def test_whoever_never_tells_how_its_try_went_loses_the_turn(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += 5
    assert breaker.may_try()
    clock.now += 5
    assert breaker.may_try()


def test_who_asks_all_the_same_closes_it_by_an_answer_and_prolongs_nothing_by_a_failure(
    breaker: Breaker, clock: Clock, told: list[tuple[BreakerState, str]]
) -> None:
    opened(breaker)
    clock.now += 3
    breaker.failed("still away")
    assert breaker.waits_seconds == 2
    assert len(told) == 1
    breaker.succeeded()
    assert breaker.closed
    assert not breaker.doubtful


class SlowGauge:
    """The gauge, where a thread sleeps between what it read and what it shows."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def labels(self, name: str) -> "SlowGauge":
        return self

    def set(self, state: BreakerState) -> None:
        if state is BreakerState.OPEN:
            self.reached.set()
            assert self.go_on.wait(10)
        circuit_breaker_state.labels("slow").set(state)


def test_what_is_shown_last_is_what_was_last_whoever_is_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = told_breaker("slow", failures=1)
    gauge = SlowGauge()
    monkeypatch.setattr(breakers, "circuit_breaker_state", gauge)
    opening = threading.Thread(target=breaker.failed)
    closing = threading.Thread(target=breaker.succeeded)
    opening.start()
    assert gauge.reached.wait(10)
    closing.start()
    closing.join(0.2)  # as far as it gets
    gauge.go_on.set()
    opening.join(10)
    closing.join(10)
    assert breaker.closed
    assert circuit_breaker_state.labels("slow")._value.get() == BreakerState.CLOSED
