"""One batch through the door: gather everything, decide by `engine.step`, apply by one statement.

Runs whose version moved meanwhile are loaded again and go again. What Postgres or the engine cannot digest is
found by halving, and a run whose own signal fails five times is ended: it holds up nobody else.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Protocol

import structlog
from airlock_chassis.telemetry.traces import trace_id

from ..engine.state import RunState, Values
from ..engine.step import fold, needs, new_run
from ..errors import StoreUnavailable
from ..store.door.changes import Applied, RunChange
from ..store.runs import was_poisoned
from .clock import PostgresClock
from .entries import Advanced, Committed, Entry, Group
from .halving import ask_in_halves
from .poisoned import forced_end
from .remembered import Remembered

MAX_BYTES = 8 * 1024 * 1024
"""Of one statement; a single run that brings more has one for itself."""
STRIKES = 5
"""A signal that fails alone so often ends its run."""
AGAIN_AFTER_SECONDS = (0.05, 0.2, 0.5, 1.0)
"""A batch meets a lost connection or a deadlock: the whole batch again, then its callers are told."""
MAX_MISSES = 50
"""How often one batch may find that another replica was faster with one and the same run."""

log = structlog.get_logger(__name__)


class RunStore(Protocol):
    """What the door asks of Postgres. Every method raises StoreUnavailable for a lost connection or 40xxx."""

    async def load(self, ids: Iterable[str]) -> Mapping[str, RunState]: ...
    async def values(self, wants: Mapping[str, frozenset[str]]) -> Mapping[str, Values]: ...
    async def apply(self, changes: Sequence[RunChange]) -> Applied: ...
    async def fail_poisoned(self, run: str) -> bool: ...
    async def now(self) -> datetime: ...


class _Fate(Enum):
    """What became of a change that was sent to Postgres."""

    LANDED = "landed"
    MISSED = "missed"
    """The run moved meanwhile, or its trigger key is taken."""
    REFUSED = "refused"


@dataclass(slots=True)
class _Memory:
    """What the rounds of one batch remember of each other, by run."""

    strikes: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    alone: set[str] = field(default_factory=set)
    """One of the signals was refused: they go one by one."""
    unsure: dict[str, Group] = field(default_factory=dict)
    """Sent in a statement whose outcome nobody told us."""
    ending: set[str] = field(default_factory=set)
    """To be ended by force, or ended, and nobody has been told."""


class Batches:
    """Commits batches of signals, one after the other."""

    def __init__(
        self,
        store: RunStore,
        clock: PostgresClock,
        remembered: Remembered,
        after: Callable[[Sequence[Committed]], None],
        on_commit: Callable[[int], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._remembered = remembered
        self._after = after
        self._on_commit = on_commit

    async def commit(self, batch: list[Entry]) -> None:
        """Answer every entry of the batch, one way or another."""
        memory = _Memory()
        delays = iter(AGAIN_AFTER_SECONDS)
        try:
            while (error := await self._tried(batch, memory)) is not None:
                if (delay := next(delays, None)) is None:
                    _refuse(batch, error)
                    return
                log.warning("door.again", signals=len(batch), reason=str(error))
                await asyncio.sleep(delay)
        except BaseException:
            _refuse(batch, StoreUnavailable("this replica was stopped"))
            raise

    async def _tried(self, batch: list[Entry], memory: _Memory) -> StoreUnavailable | None:
        """Rounds until everybody is answered, or what came between."""
        try:
            await self._settle(memory)
            while pending := [entry for entry in batch if not entry.done.done()]:
                await self._round(pending, memory)
        except StoreUnavailable as error:
            for entry in batch:
                self._remembered.forget(entry.signal.run)
            return error
        return None

    async def _settle(self, memory: _Memory) -> None:
        """Find out what became of statements whose connection broke: the version tells."""
        if not memory.unsure and not memory.ending:
            return
        found, _ = await ask_in_halves(sorted(memory.unsure.keys() | memory.ending), self._store.load)
        self._tell_forced(found, memory)
        unsure, memory.unsure = memory.unsure, {}
        self._land([group for run, group in unsure.items() if run in found and group.made(found[run])])
        for run, group in unsure.items():
            if group.creation is not None and run in found:
                self._created(group, found[run])

    async def _round(self, pending: list[Entry], memory: _Memory) -> None:
        """Gather, decide, apply. Whoever has no answer then goes again."""
        if not self._clock.is_set:
            self._clock.observe(await self._store.now())
        groups = await self._gather(pending, memory)
        values = await self._values(groups, memory)
        writing: list[Group] = []
        for group in groups:
            if group.run not in values or not await self._decide(group, values[group.run], memory):
                continue
            assert group.step is not None
            if group.step.effects or group.step.events:
                writing.append(group)
            else:
                self._unchanged(group)
        for some in _portions(writing):
            await self._apply(some, memory)

    async def _gather(self, pending: list[Entry], memory: _Memory) -> list[Group]:
        by_run: dict[str, list[Entry]] = {}
        for entry in pending:
            mates = by_run.setdefault(entry.signal.run, [])
            if not mates or entry.signal.run not in memory.alone:
                mates.append(entry)
        unknown = [
            run
            for run, mates in by_run.items()
            if mates[0].plan is None and self._remembered.get(run) is None
        ]
        loaded, failed = await ask_in_halves(unknown, self._store.load)
        for run, error in failed.items():
            await self._strike(run, by_run.pop(run), error, memory)
        groups: list[Group] = []
        for run, entries in by_run.items():
            if (plan := entries[0].plan) is not None:
                creation = entries[0].creation
                assert creation is not None  # who brings a plan makes a run
                begun = new_run(run, plan, creation.traceparent, creation.trigger_kind, creation.retried)
                groups.append(Group(entries, begun, fresh=True))
            elif run in loaded:
                self._remembered.put(loaded[run])
                groups.append(Group(entries, loaded[run], fresh=True))
            elif (known := self._remembered.get(run)) is not None:
                groups.append(Group(entries, known, fresh=False))
            else:
                for entry in entries:
                    entry.answer(Advanced(None, stale=True))
        return groups

    async def _values(self, groups: list[Group], memory: _Memory) -> Mapping[str, Values]:
        """What templates will read, by run; a run for which that fails is missing, and struck."""
        values: dict[str, Values] = {}
        wants: dict[str, frozenset[str]] = {}
        for group in groups:
            if group.creation is not None:
                values[group.run] = Values(context=json.loads(group.creation.context))
            elif wanted := needs(group.state, [entry.signal for entry in group.entries]):
                wants[group.run] = wanted
            else:
                values[group.run] = Values()
        found, failed = await ask_in_halves(
            list(wants), lambda runs: self._store.values({run: wants[run] for run in runs})
        )
        by_run = {group.run: group for group in groups}
        for run in wants:
            if run in failed:
                await self._strike(run, by_run[run].entries, failed[run], memory)
            else:
                values[run] = found.get(run, Values())
        return values

    async def _decide(self, group: Group, values: Values, memory: _Memory) -> bool:
        """Fold the group's signals. False: it raised and was struck; it goes again or was ended."""
        try:
            signals = [entry.signal for entry in group.entries]
            group.step, group.stale = fold(group.state, signals, self._clock.now(), values)
        except Exception as error:
            await self._strike(group.run, group.entries, error, memory)
            return False
        return True

    def _unchanged(self, group: Group) -> None:
        if not group.fresh:  # what we remember may be old: look before calling it stale
            self._remembered.forget(group.run)
            return
        for entry, stale in zip(group.entries, group.stale, strict=True):
            entry.answer(Advanced(group.state, stale=stale))

    async def _apply(self, groups: Sequence[Group], memory: _Memory) -> None:
        """Write the groups' changes by one statement; by halves if Postgres cannot digest one of them."""
        by_run = {group.run: group for group in groups}

        async def write(runs: Sequence[str]) -> Mapping[str, _Fate]:
            applied = await self._store.apply([by_run[run].change() for run in runs])
            self._clock.observe(applied.now)
            self._land([by_run[run] for run in runs if run in applied.matched])
            return {run: _fate(run, applied) for run in runs}

        try:
            fates, failed = await ask_in_halves(list(by_run), write)
        except StoreUnavailable:
            memory.unsure.update({group.run: group for group in groups if group.open_entries})
            raise
        for run, error in failed.items():
            await self._strike(run, by_run[run].entries, error, memory)
        for run, fate in fates.items():
            if fate is not _Fate.LANDED:
                await self._go_again(by_run[run], fate, memory)

    def _land(self, groups: Sequence[Group]) -> None:
        """Postgres has these changes: remember them, hand over what is owed, answer."""
        if not groups:
            return
        self._on_commit(sum(len(group.entries) for group in groups))
        self._after([Committed(g.step, g.creation) for g in groups if g.step is not None])
        for group in groups:
            assert group.step is not None
            run = replace(group.step.run, version=group.state.version + 1)
            self._remembered.put(run)
            for entry, stale in zip(group.entries, group.stale, strict=True):
                entry.answer(Advanced(run, stale=stale))

    def _created(self, group: Group, found: RunState | None) -> None:
        """Answer a trigger whose statement made no run, now: an earlier try of it did, or its key is taken.

        The id is ours alone, so whatever bears it is what was asked for, also if others moved it since.
        """
        group.entries[0].answer(Advanced(found, stale=found is None))

    async def _go_again(self, group: Group, fate: _Fate, memory: _Memory) -> None:
        self._remembered.forget(group.run)
        if fate is _Fate.REFUSED and len(group.entries) == 1:
            group.entries[0].answer(Advanced(group.state, stale=True, refused=True))
        elif fate is _Fate.REFUSED:
            memory.alone.add(group.run)  # one of them was refused: find out which
        elif group.creation is not None:
            self._created(group, (await self._store.load([group.run])).get(group.run))
        else:
            memory.misses[group.run] += 1
            if memory.misses[group.run] > MAX_MISSES:
                raise StoreUnavailable(f"run {group.run} moved {MAX_MISSES} times under a batch")

    async def _strike(self, run: str, entries: Sequence[Entry], error: Exception, memory: _Memory) -> None:
        """Count a failure that is this run's own; the fifth ends the run, and holds up nobody else."""
        memory.strikes[run] += 1
        known, creation = self._remembered.get(run), entries[0].creation
        carried = known.traceparent if known is not None else creation.traceparent if creation else None
        log.error(
            "door.signal_failed",
            run=run,
            signal=type(entries[0].signal).__name__,
            node=getattr(entries[0].signal, "node", None),
            strikes=memory.strikes[run],
            trace_id=trace_id(carried),
            exc_info=error,
        )
        self._remembered.forget(run)
        if memory.strikes[run] < STRIKES:
            return
        if entries[0].creation is not None:
            entries[0].refuse(error)
            return
        await self._end(run, entries, memory)

    async def _end(self, run: str, entries: Sequence[Entry], memory: _Memory) -> None:
        """End a run by force. Where Postgres' answer is lost, the next look at the run tells."""
        unsure = run in memory.ending
        memory.ending.add(run)
        try:
            if not await self._store.fail_poisoned(run) and not unsure:
                memory.ending.discard(run)  # somebody else ended it, and tells
        except StoreUnavailable:
            raise
        except Exception:  # a person must look; meanwhile the others go on
            memory.ending.discard(run)
            log.critical("door.run_not_ended", run=run, exc_info=True)
        found, _ = await ask_in_halves([run], self._store.load)
        self._tell_forced(found, memory)
        for entry in entries:
            entry.answer(Advanced(found.get(run), stale=True))

    def _tell_forced(self, found: Mapping[str, RunState], memory: _Memory) -> None:
        """Hand over what ended with runs that were ended by force, once each."""
        ended = [run for run in sorted(memory.ending) if run in found and was_poisoned(found[run])]
        memory.ending.difference_update(ended)
        if ended:
            self._after([Committed(forced_end(found[run]), None) for run in ended])


def _portions(groups: Sequence[Group]) -> Iterator[Sequence[Group]]:
    """Split what is to be written, so that no statement is larger than it may be."""
    portion: list[Group] = []
    size = 0
    for group in groups:
        size += group.size
        if portion and size > MAX_BYTES:
            yield portion
            portion, size = [], group.size
        portion.append(group)
    if portion:
        yield portion


def _refuse(batch: Iterable[Entry], error: Exception) -> None:
    for entry in batch:
        entry.refuse(error)


def _fate(run: str, applied: Applied) -> _Fate:
    if run in applied.matched:
        return _Fate.LANDED
    return _Fate.REFUSED if run in applied.refused else _Fate.MISSED
