"""What may become of a run or a node, as tables: `step` obeys them, docs are drawn from them.

A signal that a table does not name for a status is stale: it changes nothing.
"""

from collections.abc import Mapping
from typing import Final

from airlock_contracts.statuses import NodeStatus, RunStatus

from .signals import (
    ApprovalDecided,
    ApprovalExpired,
    AttemptClaimed,
    AttemptFailed,
    AttemptSucceeded,
    CancelRequested,
    DeadlineReached,
    LeaseExpired,
    NodeSignal,
    RedispatchDue,
    RetryDue,
    RunStarted,
    Signal,
)

_N = NodeStatus
_R = RunStatus

NODE_RULES: Final[
    Mapping[NodeStatus, Mapping[type[NodeSignal] | type[CancelRequested], frozenset[NodeStatus]]]
] = {
    _N.PENDING: {
        CancelRequested: frozenset({_N.CANCELLED}),
    },
    _N.QUEUED: {
        RedispatchDue: frozenset({_N.QUEUED}),
        AttemptClaimed: frozenset({_N.RUNNING}),
        AttemptSucceeded: frozenset({_N.SUCCESS}),
        AttemptFailed: frozenset({_N.BACKING_OFF, _N.FAILED}),
        CancelRequested: frozenset({_N.CANCELLED}),
    },
    _N.RUNNING: {
        AttemptClaimed: frozenset({_N.RUNNING}),
        AttemptSucceeded: frozenset({_N.SUCCESS}),
        AttemptFailed: frozenset({_N.BACKING_OFF, _N.FAILED, _N.CANCELLED}),
        LeaseExpired: frozenset({_N.QUEUED, _N.FAILED, _N.CANCELLED}),
        DeadlineReached: frozenset({_N.BACKING_OFF, _N.FAILED, _N.CANCELLED}),
        CancelRequested: frozenset({_N.RUNNING}),
    },
    _N.BACKING_OFF: {
        RetryDue: frozenset({_N.QUEUED}),
        CancelRequested: frozenset({_N.CANCELLED}),
    },
    _N.WAITING_APPROVAL: {
        ApprovalDecided: frozenset({_N.QUEUED, _N.FAILED}),
        ApprovalExpired: frozenset({_N.FAILED, _N.SKIPPED}),
        CancelRequested: frozenset({_N.CANCELLED}),
    },
    _N.SUCCESS: {},
    _N.FAILED: {},
    _N.SKIPPED: {},
    _N.CANCELLED: {},
}
"""What a signal may make of the node that it names."""

AFTER_PARENTS: Final[frozenset[NodeStatus]] = frozenset(
    {_N.QUEUED, _N.WAITING_APPROVAL, _N.FAILED, _N.SKIPPED, _N.SUCCESS}
)
"""What a PENDING node becomes once its parents are final (SUCCESS: its output was reused)."""

_WORK: Final[frozenset[RunStatus]] = frozenset({_R.RUNNING, _R.WAITING_APPROVAL, _R.SUCCESS, _R.FAILED})
_ENDING: Final[frozenset[RunStatus]] = frozenset({_R.CANCELLING, _R.CANCELLED})


_NODE_SIGNALS: Final[tuple[type[Signal], ...]] = (
    RedispatchDue,
    AttemptClaimed,
    AttemptSucceeded,
    AttemptFailed,
    LeaseExpired,
    DeadlineReached,
    RetryDue,
    ApprovalDecided,
    ApprovalExpired,
)

RUN_RULES: Final[Mapping[RunStatus, Mapping[type[Signal], frozenset[RunStatus]]]] = {
    _R.PENDING: {RunStarted: _WORK},
    _R.RUNNING: {**dict.fromkeys(_NODE_SIGNALS, _WORK), CancelRequested: _ENDING},
    _R.WAITING_APPROVAL: {**dict.fromkeys(_NODE_SIGNALS, _WORK), CancelRequested: _ENDING},
    _R.CANCELLING: dict.fromkeys(_NODE_SIGNALS, _ENDING),
    _R.SUCCESS: {},
    _R.FAILED: {},
    _R.CANCELLED: {},
}
"""What a signal may make of the run."""
