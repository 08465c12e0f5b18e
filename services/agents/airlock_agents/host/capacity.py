"""What this host has room for: memory of sandboxes. Slots are the consumer's to count."""

from collections.abc import Iterator
from contextlib import contextmanager


class NoRoom(Exception):
    """The sandbox does not fit beside those that run."""


class Memory:
    """A budget in mebibytes."""

    def __init__(self, budget_mb: int) -> None:
        self.budget_mb = budget_mb
        self._used_mb = 0

    @property
    def used_mb(self) -> int:
        """What is reserved now."""
        return self._used_mb

    @contextmanager
    def reserve(self, wanted_mb: int) -> Iterator[None]:
        """Hold that much for a while. Raises NoRoom at once; never waits: another host may have room."""
        if self._used_mb + wanted_mb > self.budget_mb:
            raise NoRoom(f"{wanted_mb} MiB of {self.budget_mb - self._used_mb} free")
        self._used_mb += wanted_mb
        try:
            yield
        finally:
            self._used_mb -= wanted_mb
