"""States of runs kept in memory, so that gathering is usually free. Postgres' version decides."""

from collections import OrderedDict

from ..engine.state import RunState

MAX_NODES = 200_000
"""Bound on what is kept, counted in nodes."""


class Remembered:
    """The states of runs that are not final; the oldest go first."""

    def __init__(self, max_nodes: int = MAX_NODES) -> None:
        self._states: OrderedDict[str, RunState] = OrderedDict()
        self._max_nodes = max_nodes
        self._nodes = 0

    def get(self, run: str) -> RunState | None:
        """The state as remembered; it may be old."""
        return self._states.get(run)

    def put(self, run: RunState) -> None:
        """Remember a state in place of an older one; a final one is not worth it."""
        self.forget(run.id)
        if run.status.is_final:
            return
        self._states[run.id] = run
        self._nodes += len(run.nodes)
        while self._nodes > self._max_nodes and len(self._states) > 1:
            _, oldest = self._states.popitem(last=False)
            self._nodes -= len(oldest.nodes)

    def forget(self, run: str) -> None:
        """Remember nothing of a run."""
        known = self._states.pop(run, None)
        if known is not None:
            self._nodes -= len(known.nodes)
