"""The tables: Postgres is the truth, and this room is its shape. Migrations say how it got there.

Rules that hold for every table:
- A row that has an owner carries `project`. Times are `timestamptz`. Statuses are text with a CHECK, spelled
  as in the contracts: readable in psql, and a new one needs no ALTER TYPE.
- Rows of a run (nodes, attempts, approvals, inputs, outputs, events) are written by the door alone, in the
  statement that locks their run. So they have no foreign key to it: a check per row would find nothing.
- JSON that we look into is jsonb. Bytes that must stay as they came (context, inputs, outputs) are bytea.
- Partial indexes hold only what is due or open, so they stay small however many runs there have been.
"""

from .artifacts import (
    ArtifactChunkRow,
    ArtifactOwnerRow,
    ArtifactPutRow,
    ArtifactRow,
    ArtifactUseRow,
    Direction,
)
from .catalog import AgentRow, WorkflowRow, WorkflowVersionRow
from .columns import Row
from .install import HostRow, KeyRole, KeyRow, SweepRow
from .logs import AgentLogRow
from .rates import RateRow
from .runs import ApprovalRow, AttemptRow, EventRow, InputRow, NodeRow, OutputRow, RunRow

METADATA = Row.metadata
"""All tables."""

__all__ = [
    "AgentLogRow",
    "AgentRow",
    "ApprovalRow",
    "ArtifactChunkRow",
    "ArtifactOwnerRow",
    "ArtifactPutRow",
    "ArtifactRow",
    "ArtifactUseRow",
    "AttemptRow",
    "Direction",
    "EventRow",
    "HostRow",
    "InputRow",
    "KeyRole",
    "KeyRow",
    "METADATA",
    "NodeRow",
    "OutputRow",
    "RateRow",
    "RunRow",
    "SweepRow",
    "WorkflowRow",
    "WorkflowVersionRow",
]
