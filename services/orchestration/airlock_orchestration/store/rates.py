"""Rate limits over all replicas: a storage for the library `limits`, with moving windows in Postgres.

    limiter = MovingWindowRateLimiter(RateStorage(sessions))
    await limiter.hit(RateLimitItemPerMinute(100), "create", "key:0123")

A bucket is one row: how many requests were let through in each of the last 61 seconds, so within any minute
no more pass than may; one that passed counts for 60 to 61 seconds. Its row's lock puts replicas in order.

Asks that come while a statement is under way go together in the next one, with one row for each bucket: a
replica has one statement under way at most, however many ask. A bucket that is full is known to be until its
oldest second lapses, so who is refused again and again costs Postgres nothing.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limits.aio.storage import MovingWindowSupport, Storage

from ..errors import StoreUnavailable
from .sessions import Sessions

WINDOW = 60  # seconds
_MAX_KNOWN = 10_000

# In what ON CONFLICT sets, the row's lock is held and the clock is read again: of two replicas the later one
# never has the earlier second, unless the clock was set back; then counting begins anew.
_COUNT = """
INSERT INTO rates AS kept (bucket, second, counts, granted, most)
SELECT
    asked.bucket, clock.second, ARRAY[least(asked.wanted, asked.most)] || array_fill(0, ARRAY[60]),
    least(asked.wanted, asked.most), asked.most
FROM
    unnest($1::text[], $2::int[], $3::int[]) AS asked(bucket, wanted, most),
    (SELECT floor(extract(epoch FROM clock_timestamp()))::bigint AS second OFFSET 0) AS clock
ORDER BY asked.bucket
ON CONFLICT (bucket) DO UPDATE SET (second, counts, granted, most) = (
    SELECT
        clock.second, ARRAY[moved.counts[1] + able.granted] || moved.counts[2:61], able.granted, excluded.most
    FROM
        (SELECT floor(extract(epoch FROM clock_timestamp()))::bigint AS second OFFSET 0) AS clock,
        LATERAL (
            SELECT CASE
                WHEN clock.second - kept.second BETWEEN 0 AND 60 THEN
                    array_fill(0, ARRAY[(clock.second - kept.second)::int])
                    || kept.counts[1:61 - (clock.second - kept.second)::int]
                ELSE array_fill(0, ARRAY[61])
            END AS counts
            OFFSET 0
        ) AS moved,
        LATERAL (
            SELECT greatest(
                0, least(excluded.granted, excluded.most - (SELECT sum(one) FROM unnest(moved.counts) AS one))
            )::int AS granted
            OFFSET 0
        ) AS able
)
RETURNING bucket, granted, (SELECT sum(one) FROM unnest(counts) AS one)::int AS used, (
    SELECT second - max(place) + 62 - extract(epoch FROM clock_timestamp())
    FROM unnest(counts) WITH ORDINALITY AS slot(one, place) WHERE one > 0
)::float8 AS wait
"""
_LOOK = """
SELECT
    sum(one)::int AS used,
    (second - max(place) + 62 - extract(epoch FROM clock_timestamp()))::float8 AS wait
FROM rates, unnest(counts) WITH ORDINALITY AS slot(one, place)
WHERE bucket = $1 AND one > 0 AND second - place + 62 > extract(epoch FROM clock_timestamp())
GROUP BY second
"""
_FORGET = """
DELETE FROM rates WHERE bucket IN (
    SELECT bucket FROM rates WHERE second < extract(epoch FROM clock_timestamp()) - 120 LIMIT $1
    FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class _Window:
    """What is known of a bucket."""

    used: int
    until: float
    """When its oldest second lapses, by the monotonic clock."""

    @property
    def wait(self) -> float:
        return max(0.0, self.until - time.monotonic())


@dataclass(slots=True)
class _Asked:
    """Those who ask about a bucket, in their order."""

    most: int
    answers: list[asyncio.Future[bool]] = field(default_factory=list)


class RateStorage(Storage, MovingWindowSupport):
    """Buckets of a minute, each asked for one request at a time. Raises StoreUnavailable."""

    STORAGE_SCHEME = None

    def __init__(self, sessions: Sessions) -> None:
        super().__init__()
        self._sessions = sessions
        self._known: OrderedDict[str, _Window] = OrderedDict()
        self._asked: dict[str, _Asked] = {}
        self._flight: asyncio.Task[None] | None = None

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the library may wrap, if asked to."""
        return StoreUnavailable

    async def close(self) -> None:
        """End what is under way; nobody may ask any more."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])
        for answer in _waiting(self._asked):
            answer.cancel()

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Let one request through, unless the bucket is full."""
        if (expiry, amount) != (WINDOW, 1):
            raise ValueError(
                f"{amount} within {expiry} s: buckets are of {WINDOW} s, and asked for one by one"
            )
        if (known := self._known.get(key)) is not None and known.used >= limit and known.wait > 0:
            return False
        asked = self._asked.setdefault(key, _Asked(limit))
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        asked.answers.append(answer)
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())
        return await answer

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Since when, by this machine's clock, and how many: as Postgres said last, or says now."""
        known = self._known.get(key) or await self._look(key)
        return time.time() + known.wait - expiry, known.used if known.wait > 0 else 0

    async def get(self, key: str) -> int:
        """How many were let through within the window."""
        return (await self._look(key)).used

    async def get_expiry(self, key: str) -> float:
        """When the oldest of them lapses, by this machine's clock."""
        return time.time() + (await self._look(key)).wait

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Not here: fixed windows would let twice as many through where two of them meet."""
        raise NotImplementedError("windows move here")

    async def clear(self, key: str) -> None:
        """Empty a bucket."""
        self._known.pop(key, None)
        async with self._sessions.counting() as connection:
            await connection.execute("DELETE FROM rates WHERE bucket = $1", key)

    async def reset(self) -> int | None:
        """Empty all buckets; answers how many there were."""
        self._known.clear()
        async with self._sessions.counting() as connection:
            said: str = await connection.execute("DELETE FROM rates")
        return int(said.split()[-1])

    async def check(self) -> bool:
        """Whether Postgres answers now."""
        return await self._sessions.is_alive()

    async def _fly(self) -> None:
        """Count for all who asked, until nobody does."""
        asked: dict[str, _Asked] = {}
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                try:
                    granted = await self._count(asked)
                except Exception as error:  # of those who asked: it is raised where they wait
                    for answer in _waiting(asked):
                        answer.set_exception(error)
                else:
                    for key, one in asked.items():
                        for place, answer in enumerate(_waiting({key: one})):
                            answer.set_result(place < granted[key])
        finally:
            self._flight = None
            for answer in _waiting(asked):  # some only where it is closed before its end
                answer.cancel()

    async def _count(self, asked: Mapping[str, _Asked]) -> Mapping[str, int]:
        keys = sorted(asked)
        wanted = [len(asked[key].answers) for key in keys]
        async with self._sessions.counting() as connection:
            began = time.monotonic()
            rows = await connection.fetch(_COUNT, keys, wanted, [asked[key].most for key in keys])
        for row in rows:
            self._remember(row["bucket"], _Window(row["used"], began + row["wait"]))
        return {row["bucket"]: row["granted"] for row in rows}

    async def _look(self, key: str) -> _Window:
        async with self._sessions.counting() as connection:
            row = await connection.fetchrow(_LOOK, key)
        return _Window(0, 0.0) if row is None else _Window(row["used"], time.monotonic() + row["wait"])

    def _remember(self, key: str, window: _Window) -> None:
        self._known[key] = window
        self._known.move_to_end(key)
        while len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)


def _waiting(asked: Mapping[str, _Asked]) -> list[asyncio.Future[bool]]:
    return [answer for one in asked.values() for answer in one.answers if not answer.done()]


async def forget_rates(connection: Any, limit: int) -> int:
    """Delete buckets that have been empty for a minute, at most so many; answers how many."""
    said: str = await connection.execute(_FORGET, limit)
    return int(said.split()[-1])
