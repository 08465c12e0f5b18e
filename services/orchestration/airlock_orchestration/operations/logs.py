"""What agents say, kept and shown: a convenience beside the journal, on which nothing else stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from airlock_contracts.logs import AgentLog, LogStream, LogView

from ..errors import RunUnknown
from ..store import logs as store
from ..store.logs import LogSlice
from ..store.sessions import Sessions
from .principals import Principal

FORGOTTEN_AT_ONCE = 5_000
"""Lines that one statement deletes: it takes a fraction of a second."""
SETTLE_SECONDS = 1.0
"""What an agent said last may be written a moment after its run has ended; later nobody looks for it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a run's lines: all, or those of a node, an attempt, a stream."""

    run: str
    node: str | None = None
    attempt: int | None = None
    stream: LogStream | None = None

    @property
    def is_some(self) -> bool:
        """Whether there may be lines of the run that are not wanted."""
        return any(asked is not None for asked in (self.node, self.attempt, self.stream))


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at a run's log found."""

    lines: list[LogView]
    to: int
    """No line up to this id is to be looked for again: the next look begins behind it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a batch of lines."""

    runs: dict[str, list[str]]
    """Runs that have new lines, by project."""
    lines: int
    refused: int
    """Of unknown attempts, of other tokens, there already, or over the bound."""


async def keep(sessions: Sessions, logs: Sequence[AgentLog]) -> Kept:
    """Write a batch. Raises StoreUnavailable: then it is lost."""
    async with sessions.beside() as connection:
        written = await store.write_logs(connection, logs)
    runs: dict[str, list[str]] = {}
    for run, project, _ in written:
        runs.setdefault(project, []).append(run)
    lines = sum(count for _, _, count in written)
    return Kept(runs, lines, sum(len(log.lines) for log in logs) - lines)


async def read(sessions: Sessions, wanted: Wanted, after: int, limit: int = store.READ_LIMIT) -> LogSlice:
    """The lines behind id `after`, in order, at most `limit`. Whose run it is was asked before."""
    async with sessions.beside() as connection:
        return await store.read_logs(
            connection,
            wanted.run,
            after,
            node=wanted.node,
            attempt=wanted.attempt,
            stream=wanted.stream,
            limit=limit,
        )


async def look(sessions: Sessions, wanted: Wanted, after: int) -> Seen:
    """The lines behind id `after`, and how far that was looked; for who looks again and again.

    Lines of others are passed over once, not at each look: the ids' promise is that whoever has read one
    has seen all lower ones, so behind the run's newest, read first, there is nothing that was missed.
    """
    async with sessions.beside() as connection:
        newest = await store.newest_id(connection, wanted.run) if wanted.is_some else after
        found = await store.read_logs(
            connection, wanted.run, after, node=wanted.node, attempt=wanted.attempt, stream=wanted.stream
        )
    last = found.lines[-1].id if found.lines else after
    return Seen(found.lines, max(last, newest) if found.is_all else last)


async def silent_in(sessions: Sessions, principal: Principal, run: str) -> float | None:
    """In how many seconds a run's last line is written at the latest; None while the run goes on.

    0 when it is. Raises RunUnknown.
    """
    async with sessions.beside() as connection:
        ended = await store.ended_for(connection, principal.project, run)
    if ended is None:
        raise RunUnknown(f"no run has the id {run}")
    return None if ended < 0 else max(0.0, SETTLE_SECONDS - ended)


async def forget(sessions: Sessions, age: timedelta) -> int:
    """Delete what was said in runs that ended longer ago than `age`, a bounded part of it; answers how much.

    As many lines as FORGOTTEN_AT_ONCE: there may be more.
    """
    async with sessions.beside() as connection:
        return await store.forget_logs(connection, age, FORGOTTEN_AT_ONCE)


def size_of(logs: Iterable[AgentLog]) -> int:
    """How many lines there are."""
    return sum(len(log.lines) for log in logs)
