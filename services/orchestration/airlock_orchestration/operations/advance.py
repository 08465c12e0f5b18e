"""The one door: every change to a run goes through it.

Signals collect while one commit is in flight; the next transaction carries them all. A batch is
gathered, decided by `engine.step` and applied by one statement; runs whose version moved meanwhile are
loaded again and go again. What is owed to the outside is handed over after the commit.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
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
from ..store.door import Applied, ExpiryGuard, Guard, LeaseGuard, RunChange, RunCreation
from .clock import PostgresClock

MAX_SIGNALS = 256
MAX_BYTES = 8 * 1024 * 1024
MAX_WAITING = 20_000
"""Signals in the queue; beyond it callers are told to come back."""
MAX_CACHED_NODES = 200_000
"""Bound on the states kept in memory, counted in nodes."""
STRIKES = 5
"""A signal that fails alone so often ends its run."""
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
    """The signal changed nothing: it spoke of something that is over, or its guard failed."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A step that Postgres has, for those who owe something to the outside."""

    before: RunState | None
    step: Step
    creation: RunCreation | None


@dataclass(eq=False, slots=True)
class _Entry:
    signal: Signal
    done: asyncio.Future[Advanced]
    creation: RunCreation | None = None
    plan: Plan | None = None

    @property
    def size(self) -> int:
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
        if not self.done.done():
            self.done.set_result(advanced)

    def refuse(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(slots=True)
class _Group:
    """The signals of one run that go together in one round."""

    entries: list[_Entry]
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


@dataclass(slots=True)
class _Round:
    """What the rounds of one batch remember of each other."""

    strikes: Counter[str] = field(default_factory=Counter)
    guarded_at: dict[str, int] = field(default_factory=dict)
    """The version at which a guarded change did not match."""


class Door:
    """Serialises all changes to runs of this replica into batches; replicas meet by version."""

    def __init__(
        self,
        store: RunStore,
        clock: PostgresClock,
        after: Callable[[Sequence[Committed]], None],
        on_commit: Callable[[int], None] = lambda signals: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._after = after
        self._on_commit = on_commit
        self._waiting: deque[_Entry] = deque()
        self._arrived = asyncio.Event()
        self._closing = False
        self._cache: OrderedDict[str, RunState] = OrderedDict()
        self._cached_nodes = 0

    async def advance(self, signal: Signal) -> Advanced:
        """Apply a signal and answer once it is committed.

        Raises StoreUnavailable when Postgres cannot be asked; then nothing, or the signal, was applied.
        """
        return await self._enter(_Entry(signal, asyncio.get_running_loop().create_future()))

    async def start(self, creation: RunCreation, signal: RunStarted, plan: Plan) -> Advanced | None:
        """Create a run. Answers None where its trigger key is taken. Raises StoreUnavailable."""
        future: asyncio.Future[Advanced] = asyncio.get_running_loop().create_future()
        advanced = await self._enter(_Entry(signal, future, creation, plan))
        return None if advanced.run is None else advanced

    async def peek(self, run: str) -> RunState | None:
        """Answer a run's state as remembered, or read it. It may be old. Raises StoreUnavailable."""
        if (known := self._cache.get(run)) is not None:
            return known
        return (await self._store.load([run])).get(run)

    async def serve(self) -> None:
        """Commit batches until `close` was called and nothing waits."""
        try:
            while not (self._closing and not self._waiting):
                await self._arrived.wait()
                self._arrived.clear()
                while batch := self._take():
                    await self._batch(batch)
        finally:
            self._closing = True
            while self._waiting:
                self._waiting.popleft().refuse(StoreUnavailable("the door has closed"))

    def close(self) -> None:
        """Take no more signals; `serve` returns when those that wait are committed."""
        self._closing = True
        self._arrived.set()

    async def _enter(self, entry: _Entry) -> Advanced:
        if self._closing:
            raise StoreUnavailable("this replica is shutting down")
        if len(self._waiting) >= MAX_WAITING:
            raise StoreUnavailable(f"{MAX_WAITING} signals wait already")
        self._waiting.append(entry)
        self._arrived.set()
        return await entry.done

    def _take(self) -> list[_Entry]:
        batch: list[_Entry] = []
        size = 0
        while self._waiting and len(batch) < MAX_SIGNALS:
            size += self._waiting[0].size
            if batch and size > MAX_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _batch(self, batch: list[_Entry]) -> None:
        memory = _Round()
        pending = batch
        try:
            for _ in range(MAX_ROUNDS):
                pending = await self._round(pending, memory)
                if not pending:
                    return
            raise StoreUnavailable(f"runs moved {MAX_ROUNDS} times under a batch")
        except StoreUnavailable as error:
            for entry in batch:
                self._forget(entry.signal.run)
                entry.refuse(error)
        except asyncio.CancelledError:
            for entry in batch:
                entry.refuse(StoreUnavailable("this replica was stopped"))
            raise

    async def _round(self, pending: list[_Entry], memory: _Round) -> list[_Entry]:
        """Gather, decide, apply. Answers the entries that must go again."""
        if not self._clock.is_set:
            self._clock.observe(await self._store.now())
        groups, again = await self._gather(pending)
        values = await self._values(groups)
        writing: list[_Group] = []
        for group in groups:
            if not await self._decide(group, values.get(group.run, Values()), memory):
                again += self._unanswered(group)
            elif group.step is not None and (group.step.effects or group.step.events):
                writing.append(group)
            else:
                again += self._unchanged(group)
        for group, matched in await self._apply(writing, memory):
            again += await self._conclude(group, matched, memory)
        return again

    async def _gather(self, pending: list[_Entry]) -> tuple[list[_Group], list[_Entry]]:
        by_run: dict[str, list[_Entry]] = {}
        later: list[_Entry] = []
        for entry in pending:
            mates = by_run.setdefault(entry.signal.run, [])
            # A guard speaks for the whole change, so a guarded signal goes alone.
            if mates and (_is_alone(entry) or _is_alone(mates[0])):
                later.append(entry)
            else:
                mates.append(entry)
        unknown = [run for run, mates in by_run.items() if run not in self._cache and mates[0].plan is None]
        loaded = await self._store.load(unknown) if unknown else {}
        groups: list[_Group] = []
        for run, entries in by_run.items():
            if (plan := entries[0].plan) is not None:
                creation = entries[0].creation
                traceparent = creation.traceparent if creation else None
                groups.append(_Group(entries, new_run(run, plan, traceparent), fresh=True))
            elif run in loaded:
                self._remember(loaded[run])
                groups.append(_Group(entries, loaded[run], fresh=True))
            elif run in self._cache:
                groups.append(_Group(entries, self._cache[run], fresh=False))
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
                values[group.run] = Values(context=group.creation.context_value)
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

    def _unchanged(self, group: _Group) -> list[_Entry]:
        if not group.fresh:  # what we remember may be old: look before calling it stale
            self._forget(group.run)
            return group.entries
        for entry, stale in zip(group.entries, group.stale, strict=True):
            entry.answer(Advanced(group.state, stale=stale))
        return []

    async def _apply(self, groups: list[_Group], memory: _Round) -> list[tuple[_Group, bool]]:
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
            return [(groups[0], False)]
        self._clock.observe(applied.now)
        landed = [group for group in groups if group.run in applied.matched]
        if landed:
            self._on_commit(sum(len(group.entries) for group in landed))
            self._after([Committed(g.state, g.step, g.creation) for g in landed if g.step is not None])
        return [(group, group.run in applied.matched) for group in groups]

    async def _conclude(self, group: _Group, matched: bool, memory: _Round) -> list[_Entry]:
        assert group.step is not None
        if matched:
            run = replace(group.step.run, version=group.state.version + 1)
            self._remember(run)
            for entry, stale in zip(group.entries, group.stale, strict=True):
                entry.answer(Advanced(run, stale=stale))
            return []
        self._forget(group.run)
        if group.creation is not None:
            # The id is ours alone: if it is there, an earlier try of this very batch wrote it.
            found = (await self._store.load([group.run])).get(group.run)
            group.entries[0].answer(Advanced(found, stale=found is None))
            return []
        if group.guards:
            if memory.guarded_at.get(group.run) == group.state.version:
                for entry in group.entries:  # the version stands, so it was the guard
                    entry.answer(Advanced(group.state, stale=True))
                return []
            memory.guarded_at[group.run] = group.state.version
        return self._unanswered(group)

    async def _strike(self, group: _Group, error: Exception, memory: _Round) -> None:
        """Count a failure that is this run's own; the fifth ends the run, and holds up nobody else."""
        memory.strikes[group.run] += 1
        strikes = memory.strikes[group.run]
        log.error("door.signal_failed", run=group.run, strikes=strikes, exc_info=error)
        self._forget(group.run)
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

    def _unanswered(self, group: _Group) -> list[_Entry]:
        return [entry for entry in group.entries if not entry.done.done()]

    def _remember(self, run: RunState) -> None:
        self._forget(run.id)
        if run.status.is_final:
            return
        self._cache[run.id] = run
        self._cached_nodes += len(run.nodes)
        while self._cached_nodes > MAX_CACHED_NODES and len(self._cache) > 1:
            _, oldest = self._cache.popitem(last=False)
            self._cached_nodes -= len(oldest.nodes)

    def _forget(self, run: str) -> None:
        known = self._cache.pop(run, None)
        if known is not None:
            self._cached_nodes -= len(known.nodes)


def _is_alone(entry: _Entry) -> bool:
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
