"""Sampling: what comes seldom is kept, of what comes often so much a second, each lane for itself."""

import math

import pytest
from airlock_chassis.telemetry.sampling import Lane, Paced, in_lane, sampler
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

RUNS = Lane("runs", callers_times=20)
READS = Lane("reads", callers_times=20)
STRANGERS = Lane("strangers")


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def kept(by: Sampler, times: int = 1, lane: Lane | None = None, parent: Context | None = None) -> int:
    context = parent if lane is None else in_lane(lane, parent)
    return sum(
        by.should_sample(context, 1 + n, "POST").decision is Decision.RECORD_AND_SAMPLE for n in range(times)
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


def test_no_lane_uses_up_what_another_may_have(clock: Clock) -> None:
    by = sampler(ratio=1.0, per_second=5, clock=clock)
    for lane in (READS, RUNS, None, STRANGERS):
        assert kept(by, 1000, lane) == 5
    clock.now += 1
    assert kept(by, 1000, RUNS) == 5


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


def test_a_message_that_came_in_sampled_is_kept_however_many_they_are(clock: Clock) -> None:
    by = sampler(ratio=0.0, per_second=0.001, clock=clock)
    assert kept(by, 1000, parent=came_in(1)) == 1000
    assert kept(by, 100, parent=came_in(0)) == 0


def test_a_caller_s_own_trace_is_kept_far_oftener_than_new_ones_and_not_without_end(clock: Clock) -> None:
    by = sampler(ratio=0.0, per_second=5, clock=clock)
    assert kept(by, 1000, RUNS, came_in(1)) == 100
    assert kept(by, 1000, READS, came_in(1)) == 100
    assert kept(by, 1000, STRANGERS, came_in(1)) == 5
    assert kept(by, 1000, RUNS, came_in(0)) == 0


def test_what_callers_keep_takes_nothing_from_what_is_new(clock: Clock) -> None:
    by = sampler(ratio=1.0, per_second=5, clock=clock)
    kept(by, 1000, RUNS, came_in(1))
    assert kept(by, 1000, RUNS) == 5


def test_without_a_bound_all_are_kept() -> None:
    by = sampler(ratio=1.0, per_second=math.inf)
    assert kept(by, 1000, RUNS) == kept(by, 1000, RUNS, came_in(1)) == 1000
