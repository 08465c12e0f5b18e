"""Which traces are kept: a share of all, and only so many a second, each kind of request for itself.

A small install sees every run; a busy one is not slowed down by showing all of them, and nobody uses up by
asking for something else what runs may have.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

_LANE = otel_context.create_key("airlock-lane")


@dataclass(frozen=True, slots=True)
class Lane:
    """A kind of request with a pace of its own. Lanes are few: each has its pace for as long as we live."""

    name: str
    callers_times: int = 1
    """So much oftener than new traces those are kept that a caller began already, and keeps itself."""


def in_lane(lane: Lane, above: Context | None = None) -> Context:
    """The context for a span that begins in a lane."""
    return otel_context.set_value(_LANE, lane, above)


def sampler(*, ratio: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> Sampler:
    """Keeps of new traces `ratio`, and of these `per_second` in each lane, or outside of all.

    A trace that came in sampled stays so: always where no lane is named (a message between our own), else as
    often as the lane says.
    """
    share = TraceIdRatioBased(ratio)
    if math.isinf(per_second):
        return ParentBased(share)
    return ParentBased(
        Paced(share, per_second=per_second, clock=clock),
        remote_parent_sampled=Paced(ALWAYS_ON, per_second=per_second, clock=clock, callers=True),
    )


class Paced(Sampler):
    """What another sampler keeps, so many a second in each lane."""

    def __init__(
        self,
        among: Sampler,
        *,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        callers: bool = False,
    ) -> None:
        """With `callers` it is about traces that came in."""
        self._among = among
        self._per_second = per_second
        self._clock = clock
        self._callers = callers
        self._paces: dict[Lane | None, _Pace] = {}

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Whether to keep a new trace, or one that came in."""
        found = self._among.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        lane = otel_context.get_value(_LANE, parent_context)
        assert lane is None or isinstance(lane, Lane), "only `in_lane` writes it"
        if found.decision is not Decision.RECORD_AND_SAMPLE or (lane is None and self._callers):
            return found
        if self._pace(lane).take():
            return found
        return SamplingResult(Decision.DROP, trace_state=found.trace_state)

    def get_description(self) -> str:
        """For people."""
        return f"Paced{{{self._among.get_description()},{self._per_second:g}/s}}"

    def _pace(self, lane: Lane | None) -> "_Pace":
        if (known := self._paces.get(lane)) is not None:
            return known
        times = lane.callers_times if lane is not None and self._callers else 1
        return self._paces.setdefault(lane, _Pace(times * self._per_second, self._clock))


class _Pace:
    """A bucket that holds what one second gives, and at least one."""

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._left = self._most
        self._clock = clock
        self._at = clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        with self._lock:
            now = self._clock()
            self._left = min(self._most, self._left + (now - self._at) * self._per_second)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
