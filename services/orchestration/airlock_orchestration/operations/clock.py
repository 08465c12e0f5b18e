"""Postgres' time, kept between commits: what it last said plus the monotonic time since."""

import time
from datetime import UTC, datetime, timedelta

SET_BACK_SECONDS = 5.0
"""How far Postgres' clock may fall behind what we told before we believe that it was set."""


class PostgresClock:
    """Tells Postgres' time without asking.

    It never runs backwards for the moments that an answer was on its way. A clock that was set back, or a
    new primary that lags, is followed: due times would lie as far in the future as the old one was ahead.
    """

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
        now = self._said + timedelta(seconds=time.monotonic() - self._heard_at)
        if now > self._last or self._last - now > timedelta(seconds=SET_BACK_SECONDS):
            self._last = now
        return self._last
