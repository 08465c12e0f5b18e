"""What the door applies: a run after one or more signals, as values."""

from dataclasses import dataclass
from datetime import datetime

from airlock_orchestration.engine.effects import Effect, Fact
from airlock_orchestration.engine.retry import LOST_AFTER
from airlock_orchestration.engine.state import Retried, RunState


@dataclass(frozen=True, slots=True)
class LeaseGuard:
    """Holds only if the attempt is RUNNING and its lease ended more than `lapsed_by` seconds ago."""

    node: str
    number: int
    lapsed_by: float = LOST_AFTER.total_seconds()


@dataclass(frozen=True, slots=True)
class ExpiryGuard:
    """Holds only if the approval has expired, or (`expired=False`) has not."""

    approval: str
    expired: bool


Guard = LeaseGuard | ExpiryGuard
"""What must be exact, and so is compared with Postgres' clock while the run is locked."""


@dataclass(frozen=True, slots=True)
class RunCreation:
    """What a new run's row holds beside its state."""

    workflow_id: str
    workflow_version_id: str
    context: bytes
    context_sha256: str
    agents: dict[str, str]
    """The pins: each agent reference as a node writes it, to the id of an agent version."""
    created_by: str
    trigger_kind: str
    retry_of: str | None = None
    trigger_key: str | None = None
    trigger_fingerprint: str | None = None
    traceparent: str | None = None
    retried_traceparent: str | None = None
    """The trace of the run that `retry_of` names."""
    artifacts: tuple[str, ...] = ()
    """Digests that the context names: they stay for as long as the run."""

    @property
    def retried(self) -> Retried | None:
        """The run that the new one tries again."""
        return None if self.retry_of is None else Retried(self.retry_of, self.retried_traceparent)


@dataclass(frozen=True, slots=True)
class RunChange:
    """One run, from the version that it was read at to its state now."""

    before_version: int
    """0: there is no row yet; `created` says what else it holds."""
    run: RunState
    """After the signals."""
    events: tuple[Fact, ...]
    effects: tuple[Effect, ...]
    changed: frozenset[str]
    """The nodes to write; of a new run all are."""
    created: RunCreation | None = None
    guards: tuple[Guard, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch."""

    matched: frozenset[str]
    """Runs that were written. Each one's row is now at `before_version + 1`."""
    refused: frozenset[str]
    """Runs at the right version whose guard did not hold, or whose artifact is gone: nothing was written."""
    now: datetime
    """Postgres' clock."""
