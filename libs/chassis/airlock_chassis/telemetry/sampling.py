"""Which traces are kept: those that a caller keeps, and of the rest a share, and only so many a second.

A small install sees every run; a busy one is not slowed down by showing all of them.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

READS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Names of requests' spans that begin no run: they have a pace of their own, or who polls would use it up."""


def sampler(*, ratio: float, per_second: float) -> Sampler:
    """Keeps a trace that came in sampled; of new ones `ratio`, and of these at most `per_second`."""
    share = TraceIdRatioBased(ratio)
    return ParentBased(share if math.isinf(per_second) else Paced(share, per_second=per_second))


class Paced(Sampler):
    """What another sampler keeps, so many a second: once for requests that only read, once for all others."""

    def __init__(
        self, among: Sampler, *, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._among = among
        self._per_second = per_second
        self._reads = _Pace(per_second, clock)
        self._others = _Pace(per_second, clock)

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
        """Whether to keep a new trace."""
        found = self._among.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        pace = self._reads if name in READS else self._others
        if found.decision is Decision.RECORD_AND_SAMPLE and not pace.take():
            return SamplingResult(Decision.DROP, trace_state=found.trace_state)
        return found

    def get_description(self) -> str:
        """For people."""
        return f"Paced{{{self._among.get_description()},{self._per_second:g}/s}}"


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
