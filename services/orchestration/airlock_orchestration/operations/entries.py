"""Signals on their way through the door: alone, and grouped by the run that they go to."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..engine.effects import KeepInput, KeepOutput, RequestApproval, Step, WriteAttempt
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
from ..engine.state import NodeState, RunState
from ..store.door.changes import ExpiryGuard, Guard, LeaseGuard, RunChange, RunCreation


@dataclass(frozen=True, slots=True)
class Advanced:
    """What became of a signal."""

    run: RunState | None
    """The run afterwards; None where there is no such run, or none that can be read."""
    stale: bool
    """The signal changed nothing: it spoke of something that is over, or was refused."""
    refused: bool = False
    """Postgres refused it under the run's lock: a guard did not hold, or an artifact is gone."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A step that Postgres has, for those who owe something to the outside."""

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
            case RunStarted(reuse=reuse):
                context = len(self.creation.context) if self.creation else 0
                return context + sum(len(one.output) for one in reuse)
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
class Group:
    """The signals of one run that go together in one round."""

    entries: list[Entry]
    state: RunState
    fresh: bool
    """The state was read in this round, not remembered."""
    step: Step | None = None
    stale: tuple[bool, ...] = ()

    @property
    def run(self) -> str:
        """The run's id."""
        return self.state.id

    @property
    def creation(self) -> RunCreation | None:
        """What makes the run, where these signals do."""
        return self.entries[0].creation

    @property
    def open_entries(self) -> list[Entry]:
        """Those that nobody has answered."""
        return [entry for entry in self.entries if not entry.done.done()]

    @property
    def size(self) -> int:
        """Bytes that its change brings into the statement: outputs, and the inputs that they open."""
        size = len(self.creation.context) if self.creation else 0
        for effect in self.step.effects if self.step else ():
            match effect:
                case KeepInput(input=data) | KeepOutput(output=data):
                    size += len(data)
                case RequestApproval(preview=str(preview)):
                    size += len(preview)
                case WriteAttempt(evidence=evidence) if evidence is not None:
                    size += len(evidence.raw_output) + len(evidence.stderr_tail)
                case _:
                    pass
        return size

    def change(self) -> RunChange:
        """What is to be written: once it was decided."""
        assert self.step is not None
        return RunChange(
            before_version=self.state.version,
            run=self.step.run,
            events=self.step.events,
            effects=self.step.effects,
            changed=self.step.changed,
            created=self.creation,
            guards=tuple(
                guard
                for entry, stale in zip(self.entries, self.stale, strict=True)
                if not stale and (guard := _guard(entry.signal)) is not None
            ),
        )

    def made(self, found: RunState) -> bool:
        """Whether a state that was read after a commit of unknown outcome is what this group made.

        No other change gives the next version with the same times in it; leases aside, which heartbeats may
        have moved on since.
        """
        assert self.step is not None
        wanted = self.step.run
        return (found.version, found.status, found.last_event, _without_leases(found)) == (
            self.state.version + 1,
            wanted.status,
            wanted.last_event,
            _without_leases(wanted),
        )


def _without_leases(run: RunState) -> Mapping[str, NodeState]:
    return {
        id_: node if node.attempt is None else replace(node, attempt=replace(node.attempt, lease_until=None))
        for id_, node in run.nodes.items()
    }


def _guard(signal: Signal) -> Guard | None:
    """What must hold by Postgres' clock, under the run's lock, for the whole change to be written."""
    match signal:
        case LeaseExpired(node=node, number=number):
            return LeaseGuard(node, number)
        case ApprovalDecided(approval=approval):
            return ExpiryGuard(approval, expired=False)
        case ApprovalExpired(approval=approval):
            return ExpiryGuard(approval, expired=True)
        case _:
            return None
