"""One batch through the door: gather everything, decide by `engine.step`, apply by one statement.

Runs whose version moved meanwhile are loaded again and go again. A change that Postgres cannot digest is
found by bisecting, and a run whose own signal fails five times is ended: it holds up nobody else.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Protocol

import structlog

from ..engine.effects import Step
from ..engine.plan import Plan
from ..engine.signals import (
    ApprovalDecided,
    ApprovalExpired,
    AttemptFailed,
    AttemptSucceeded,
    LeaseExpired,
    RunStarted,
    Signal,
)
from ..engine.state import RunState, Values
from ..engine.step import fold, needs, new_run
from ..errors import StoreUnavailable
from ..store.changes import Applied, ExpiryGuard, Guard, LeaseGuard, RunChange, RunCreation
from .clock import PostgresClock
from .remembered import Remembered

STRIKES = 5
"""A signal that fails alone so often ends its run."""
AGAIN_AFTER_SECONDS = (0.05, 0.2, 0.5, 1.0)
"""A batch meets a lost connection or a deadlock: the whole batch again, then its callers are told."""
MAX_ROUNDS = 50
"""How often one batch may find that another replica was faster."""

log = structlog.get_logger(__name__)


class RunStore(Protocol):
    """What the door asks of Postgres. Every method raises StoreUnavailable for a lost connection or 40xxx."""

    async def load(self, ids: Iterable[str]) -> Mapping[str, RunState]: ...
    async def values(self, wants: Mapping[str, frozenset[str]]) -> Mapping[str, Values]: ...
    async def apply(self, changes: Sequence[RunChange]) -> Applied: ...
    async def fail_poisoned(self, run: str) -> None: ...
    async def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Advanced:
    """What became of a signal."""

    run: RunState | None
    """The run afterwards; None where there is no such run."""
    stale: bool
    """The signal changed nothing: it spoke of something that is over, or was refused."""
    refused: bool = False
    """Postgres refused it under the run's lock: a guard did not hold, or an artifact is gone."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A step that Postgres has, for those who owe something to the outside."""

    before: RunState | None
    step: Step
    creation: RunCreation | None


@dataclass(eq=False, slots=True)
class Entry:
    """A signal that waits for its commit, and whoever waits for the answer."""

    signal: Signal
    done: asyncio.Future[Advanced]
    creation: RunCreation | None = None
    plan: Plan | None = None

    @property
    def size(self) -> int:
        """Bytes that it brings into the statement."""
        match self.signal:
            case AttemptSucceeded(output=output):
                return len(output)
            case AttemptFailed(evidence=evidence):
                return len(evidence.raw_output) + len(evidence.stderr_tail)
            case RunStarted():
                return len(self.creation.context) if self.creation else 0
            case _:
                return 0

    def answer(self, advanced: Advanced) -> None:
        """Tell the caller what became of it."""
        if not self.done.done():
            self.done.set_result(advanced)

    def refuse(self, error: Exception) -> None:
        """Tell the caller that nobody knows."""
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(slots=True)
class _Group:
    """The signals of one run that go together in one round."""

    entries: list[Entry]
    state: RunState
    fresh: bool
    """The state was read in this round, not remembered."""
    step: Step | None = None
    stale: tuple[bool, ...] = ()
    guards: tuple[Guard, ...] = ()

    @property
    def run(self) -> str:
        return self.state.id

    @property
    def creation(self) -> RunCreation | None:
        return self.entries[0].creation


class _Fate(Enum):
    """What became of a change that was sent to Postgres."""

    LANDED = "landed"
    MISSED = "missed"
    """The run moved meanwhile, or its trigger key is taken."""
    REFUSED = "refused"
    AGAIN = "again"
    """Postgres could not digest it."""


@dataclass(slots=True)
class _Round:
    """What the rounds of one batch remember of each other."""

    strikes: Counter[str] = field(default_factory=Counter)
    alone: set[str] = field(default_factory=set)
    """Runs one of whose signals was refused: theirs go one by one."""


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
        try:
            for delay in (*AGAIN_AFTER_SECONDS, None):
                try:
                    await self._rounds([entry for entry in batch if not entry.done.done()])
                    return
                except StoreUnavailable as error:
                    # Whether the last statement was committed is not known: versions will tell.
                    for entry in batch:
                        self._remembered.forget(entry.signal.run)
                    if delay is None:
                        _refuse(batch, error)
                        return
                    log.warning("door.again", signals=len(batch), reason=str(error))
                    await asyncio.sleep(delay)
        except BaseException:
            _refuse(batch, StoreUnavailable("this replica was stopped"))
            raise

    async def _rounds(self, pending: list[Entry]) -> None:
        memory = _Round()
        for _ in range(MAX_ROUNDS):
            if not pending:
                return
            pending = await self._round(pending, memory)
        raise StoreUnavailable(f"runs moved {MAX_ROUNDS} times under a batch")

    async def _round(self, pending: list[Entry], memory: _Round) -> list[Entry]:
        """Gather, decide, apply. Answers the entries that must go again."""
        if not self._clock.is_set:
            self._clock.observe(await self._store.now())
        groups, again = await self._gather(pending, memory)
        values = await self._values(groups)
        writing: list[_Group] = []
        for group in groups:
            if not await self._decide(group, values.get(group.run, Values()), memory):
                again += self._unanswered(group)
            elif group.step is not None and (group.step.effects or group.step.events):
                writing.append(group)
            else:
                again += self._unchanged(group)
        for group, fate in await self._apply(writing, memory):
            again += await self._conclude(group, fate, memory)
        return again

    async def _gather(self, pending: list[Entry], memory: _Round) -> tuple[list[_Group], list[Entry]]:
        by_run: dict[str, list[Entry]] = {}
        later: list[Entry] = []
        for entry in pending:
            mates = by_run.setdefault(entry.signal.run, [])
            # A guard speaks for the whole change, so a guarded signal goes alone.
            if mates and (_is_alone(entry) or _is_alone(mates[0]) or entry.signal.run in memory.alone):
                later.append(entry)
            else:
                mates.append(entry)
        unknown = [
            run
            for run, mates in by_run.items()
            if self._remembered.get(run) is None and mates[0].plan is None
        ]
        loaded = await self._store.load(unknown) if unknown else {}
        groups: list[_Group] = []
        for run, entries in by_run.items():
            if (plan := entries[0].plan) is not None:
                creation = entries[0].creation
                traceparent = creation.traceparent if creation else None
                groups.append(_Group(entries, new_run(run, plan, traceparent), fresh=True))
            elif run in loaded:
                self._remembered.put(loaded[run])
                groups.append(_Group(entries, loaded[run], fresh=True))
            elif (known := self._remembered.get(run)) is not None:
                groups.append(_Group(entries, known, fresh=False))
            else:
                for entry in entries:
                    entry.answer(Advanced(None, stale=True))
        return groups, later

    async def _values(self, groups: list[_Group]) -> Mapping[str, Values]:
        wants = {g.run: needs(g.state, [e.signal for e in g.entries]) for g in groups}
        stored = {g.run: wants[g.run] for g in groups if wants[g.run] and g.creation is None}
        values = dict(await self._store.values(stored)) if stored else {}
        for group in groups:
            if group.creation is not None:
                values[group.run] = Values(context=json.loads(group.creation.context))
        return values

    async def _decide(self, group: _Group, values: Values, memory: _Round) -> bool:
        """Fold the group's signals. False: it raised and was struck; go again or it was ended."""
        try:
            signals = [entry.signal for entry in group.entries]
            group.step, group.stale = fold(group.state, signals, self._clock.now(), values)
        except Exception as error:
            await self._strike(group, error, memory)
            return False
        group.guards = _guards(group)
        return True

    def _unchanged(self, group: _Group) -> list[Entry]:
        if not group.fresh:  # what we remember may be old: look before calling it stale
            self._remembered.forget(group.run)
            return group.entries
        for entry, stale in zip(group.entries, group.stale, strict=True):
            entry.answer(Advanced(group.state, stale=stale))
        return []

    async def _apply(self, groups: list[_Group], memory: _Round) -> list[tuple[_Group, _Fate]]:
        """Write the groups' changes; bisect what Postgres refuses for another reason than being away."""
        if not groups:
            return []
        try:
            applied = await self._store.apply([_change(group) for group in groups])
        except StoreUnavailable:
            raise
        except Exception as error:
            if len(groups) > 1:
                half = len(groups) // 2
                first = await self._apply(groups[:half], memory)
                return first + await self._apply(groups[half:], memory)
            await self._strike(groups[0], error, memory)
            return [(groups[0], _Fate.AGAIN)]
        self._clock.observe(applied.now)
        landed = [group for group in groups if group.run in applied.matched]
        if landed:
            self._on_commit(sum(len(group.entries) for group in landed))
            self._after([Committed(g.state, g.step, g.creation) for g in landed if g.step is not None])
        return [(group, _fate(group.run, applied)) for group in groups]

    async def _conclude(self, group: _Group, fate: _Fate, memory: _Round) -> list[Entry]:
        assert group.step is not None
        if fate is _Fate.LANDED:
            run = replace(group.step.run, version=group.state.version + 1)
            self._remembered.put(run)
            for entry, stale in zip(group.entries, group.stale, strict=True):
                entry.answer(Advanced(run, stale=stale))
            return []
        self._remembered.forget(group.run)
        if fate is _Fate.REFUSED and len(group.entries) == 1:
            group.entries[0].answer(Advanced(group.state, stale=True, refused=True))
        elif fate is _Fate.REFUSED:
            memory.alone.add(group.run)  # one of them was refused: find out which
        elif fate is _Fate.MISSED and group.creation is not None:
            # The id is ours alone: if it is there, an earlier try of this very batch wrote it.
            found = (await self._store.load([group.run])).get(group.run)
            group.entries[0].answer(Advanced(found, stale=found is None))
        return self._unanswered(group)

    async def _strike(self, group: _Group, error: Exception, memory: _Round) -> None:
        """Count a failure that is this run's own; the fifth ends the run, and holds up nobody else."""
        memory.strikes[group.run] += 1
        strikes = memory.strikes[group.run]
        log.error("door.signal_failed", run=group.run, strikes=strikes, exc_info=error)
        self._remembered.forget(group.run)
        if strikes < STRIKES:
            return
        if group.creation is None:
            await self._store.fail_poisoned(group.run)
        state = (await self._store.load([group.run])).get(group.run)
        for entry in group.entries:
            if state is None:
                entry.refuse(error)
            else:
                entry.answer(Advanced(state, stale=True))

    def _unanswered(self, group: _Group) -> list[Entry]:
        return [entry for entry in group.entries if not entry.done.done()]


def _refuse(batch: Iterable[Entry], error: Exception) -> None:
    for entry in batch:
        entry.refuse(error)


def _fate(run: str, applied: Applied) -> _Fate:
    if run in applied.matched:
        return _Fate.LANDED
    return _Fate.REFUSED if run in applied.refused else _Fate.MISSED


def _is_alone(entry: Entry) -> bool:
    return isinstance(entry.signal, LeaseExpired | ApprovalDecided | ApprovalExpired)


def _guards(group: _Group) -> tuple[Guard, ...]:
    signal = group.entries[0].signal
    match signal:
        case LeaseExpired(node=node, number=number):
            return (LeaseGuard(node, number),)
        case ApprovalDecided(approval=approval):
            return (ExpiryGuard(approval, expired=False),)
        case ApprovalExpired(approval=approval):
            return (ExpiryGuard(approval, expired=True),)
        case _:
            return ()


def _change(group: _Group) -> RunChange:
    assert group.step is not None
    return RunChange(
        before_version=group.state.version,
        run=group.step.run,
        events=group.step.events,
        effects=group.step.effects,
        changed=group.step.changed,
        created=group.creation,
        guards=group.guards,
    )
