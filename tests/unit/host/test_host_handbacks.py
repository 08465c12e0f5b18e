"""An attempt that is handed back for days is told of now and then."""

import pytest
from airlock_agents.host import handbacks
from airlock_agents.host.handbacks import QUIET_SECONDS, Handbacks


def test_an_attempt_is_told_of_once_and_after_a_while_again() -> None:
    now = 1000.0
    back = Handbacks(lambda: now)
    assert not back.is_told("run/a/1")
    back.tell("run/a/1")
    assert back.is_told("run/a/1")
    assert not back.is_told("run/a/2")
    now += QUIET_SECONDS
    assert not back.is_told("run/a/1")


def test_no_more_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handbacks, "MAX_REMEMBERED", 2)
    back = Handbacks()
    for attempt in ("a", "b", "a", "c"):
        back.tell(attempt)
    assert [back.is_told(attempt) for attempt in "abc"] == [True, False, True]
