"""Sampling: a small install sees every run, a busy one so many a second, and who asks for a trace gets it."""

import pytest
from airlock_chassis.telemetry.sampling import Paced, sampler
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def kept(by: Sampler, times: int = 1, name: str = "POST", parent: Context | None = None) -> int:
    return sum(
        by.should_sample(parent, 1 + n, name).decision is Decision.RECORD_AND_SAMPLE for n in range(times)
    )


def came_in(flags: int) -> Context:
    return set_span_in_context(
        NonRecordingSpan(SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(flags)))
    )


def test_what_comes_seldom_is_kept_and_a_burst_is_cut_to_a_second_s_worth(clock: Clock) -> None:
    paced = Paced(TraceIdRatioBased(1.0), per_second=5, clock=clock)
    for _ in range(20):
        assert kept(paced) == 1
        clock.now += 0.2
    clock.now += 60
    assert kept(paced, 100) == 5
    clock.now += 1
    assert kept(paced, 100) == 5


def test_who_polls_does_not_use_up_what_runs_may_have(clock: Clock) -> None:
    paced = Paced(TraceIdRatioBased(1.0), per_second=5, clock=clock)
    assert kept(paced, 1000, "GET") == 5
    assert kept(paced, 5, "POST") == 5


def test_less_than_one_a_second_is_one_now_and_then(clock: Clock) -> None:
    paced = Paced(TraceIdRatioBased(1.0), per_second=0.1, clock=clock)
    assert kept(paced, 10) == 1
    clock.now += 9.9
    assert kept(paced, 10) == 0
    clock.now += 0.2
    assert kept(paced, 10) == 1


def test_the_share_comes_first(clock: Clock) -> None:
    assert kept(sampler(ratio=0.0, per_second=5), 10) == 0
    assert kept(sampler(ratio=1.0, per_second=5), 10) == 5


def test_who_came_in_sampled_is_kept_however_many_they_are() -> None:
    by = sampler(ratio=0.0, per_second=0.001)
    assert kept(by, 100, parent=came_in(1)) == 100
    assert kept(by, 100, parent=came_in(0)) == 0
