"""Postgres' time, kept between commits: what it last said plus the monotonic time since."""

import time
from datetime import UTC, datetime, timedelta


class PostgresClock:
    """Tells Postgres' time without asking. Never runs backwards."""

    def __init__(self) -> None:
        self._said: datetime | None = None
        self._heard_at = 0.0
        self._last = datetime.min.replace(tzinfo=UTC)

    def observe(self, said: datetime) -> None:
        """Take note of a `clock_timestamp()` that Postgres has just answered."""
        self._said = said
        self._heard_at = time.monotonic()

    @property
    def is_set(self) -> bool:
        """Whether Postgres has told the time yet."""
        return self._said is not None

    def now(self) -> datetime:
        """Postgres' time, now. Raises RuntimeError before the first `observe`."""
        if self._said is None:
            raise RuntimeError("Postgres has not told the time yet")
        elapsed = timedelta(seconds=time.monotonic() - self._heard_at)
        self._last = max(self._last, self._said + elapsed)
        return self._last
