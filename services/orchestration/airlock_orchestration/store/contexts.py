"""Contexts of runs, parsed and kept: nodes far down a run read them too, and they never change."""

from collections import OrderedDict
from collections.abc import Collection, Mapping

MAX_KEPT_BYTES = 8 * 1024 * 1024
"""As they came; parsed they take several times as much."""
_ONLY = frozenset({"context"})


class Contexts:
    """The contexts read last, within a bound on their size."""

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, tuple[object, int]] = OrderedDict()
        self._bytes = 0

    def __contains__(self, run: str) -> bool:
        return run in self._kept

    def hold(self, wants: Mapping[str, Collection[str]]) -> bool:
        """Whether everything that is wanted is a context kept here."""
        return all(run in self._kept and roots == _ONLY for run, roots in wants.items())

    def get(self, run: str) -> object:
        """The context of a run that is kept. Raises KeyError."""
        self._kept.move_to_end(run)
        return self._kept[run][0]

    def put(self, run: str, context: object, size: int) -> None:
        """Keep a context of `size` bytes; those used longest ago go, and perhaps it does itself."""
        if run in self._kept:
            return
        self._kept[run] = (context, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, (_, gone) = self._kept.popitem(last=False)
            self._bytes -= gone
