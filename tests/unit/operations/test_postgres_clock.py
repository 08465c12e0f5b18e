"""Postgres' time between commits: it does not tremble, and it follows a clock that was set."""

from datetime import UTC, datetime, timedelta

import pytest
from airlock_orchestration.operations.clock import PostgresClock

SAID = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_answer_that_was_long_on_its_way_does_not_turn_time_back() -> None:
    clock = PostgresClock()
    clock.observe(SAID)
    before = clock.now()
    clock.observe(SAID - timedelta(milliseconds=80))
    assert clock.now() >= before


def test_a_clock_that_was_set_back_is_followed() -> None:
    clock = PostgresClock()
    clock.observe(SAID)
    clock.now()
    clock.observe(SAID - timedelta(hours=1))
    assert clock.now() < SAID - timedelta(minutes=59)


def test_nobody_is_told_a_time_that_postgres_has_not_told() -> None:
    clock = PostgresClock()
    assert not clock.is_set
    with pytest.raises(RuntimeError):
        clock.now()
