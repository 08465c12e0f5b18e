"""The door's arguments: sets of rows, where a column is one array and `unnest` makes them rows again.

So a statement's text does not depend on how many rows it takes: it is prepared once, and is one round trip.
"""

from collections.abc import Iterable, Mapping

_TIME = "timestamptz"
# Column and type, by row set. `i` is the number of the row's run in `runs`, from 1.
ROWSETS: Mapping[str, Mapping[str, str]] = {
    "runs": {
        "id": "uuid",
        "before": "bigint",
        "status": "text",
        "last_event": "int",
        "failure": "text",
        "finished_at": _TIME,
    },
    "created": {
        "i": "int",
        "project": "text",
        "workflow_id": "uuid",
        "workflow_version_id": "uuid",
        "context": "bytea",
        "context_sha256": "text",
        "agents": "text",
        "created_at": _TIME,
        "created_by": "text",
        "retry_of": "uuid",
        "trigger_key": "text",
        "trigger_fingerprint": "text",
        "trigger_kind": "text",
        "traceparent": "text",
    },
    "nodes": {
        "i": "int",
        "node": "text",
        "position": "int",
        "status": "text",
        "open_parents": "int",
        "failures": "int",
        "losses": "int",
        "attempt": "int",
        "retry_at": _TIME,
        "approval": "uuid",
        "input_sha256": "text",
        "preview_sha256": "text",
        "output_sha256": "text",
        "failure": "text",
        "started_at": _TIME,
        "finished_at": _TIME,
        "reused_from": "uuid",
    },
    "attempts": {
        "i": "int",
        "node": "text",
        "number": "int",
        "status": "text",
        "dispatched_at": _TIME,
        "sends": "int",
        "redispatch_at": _TIME,
        "token": "text",
        "host": "text",
        "started_at": _TIME,
        "lease_until": _TIME,
        "deadline": _TIME,
        "finished_at": _TIME,
        "failure": "text",
        "raw_output": "bytea",
        "stderr_tail": "text",
        "usage": "text",
    },
    "questions": {
        "i": "int",
        "id": "uuid",
        "project": "text",
        "node": "text",
        "status": "text",
        "payload_sha256": "text",
        "preview": "text",
        "on_expiry": "text",
        "requested_at": _TIME,
        "expires_at": _TIME,
        "decided_at": _TIME,
        "decided_by": "text",
        "notes": "text",
    },
    "answers": {
        "i": "int",
        "id": "uuid",
        "status": "text",
        "decided_at": _TIME,
        "decided_by": "text",
        "notes": "text",
    },
    "inputs": {"i": "int", "node": "text", "input": "bytea"},
    "outputs": {"i": "int", "node": "text", "output": "bytea"},
    "uses": {"i": "int", "node": "text", "sha256": "text", "direction": "text"},
    "events": {
        "i": "int",
        "seq": "int",
        "project": "text",
        "at": _TIME,
        "type": "text",
        "principal": "text",
        "node": "text",
        "data": "text",
    },
    "lease_guards": {"i": "int", "node": "text", "number": "int", "lapsed_by": "float8"},
    "expiry_guards": {"i": "int", "id": "uuid", "expired": "bool"},
    "locks": {"i": "int", "node": "text", "number": "int"},
}


def from_items(names: Iterable[str]) -> dict[str, str]:
    """What stands behind FROM for each row set, its arguments numbered in this order; `row` counts from 1."""
    items: dict[str, str] = {}
    first = 1
    for name in names:
        columns = ROWSETS[name]
        arrays = ", ".join(f"${first + n}::{kind}[]" for n, kind in enumerate(columns.values()))
        items[name] = f"unnest({arrays}) WITH ORDINALITY AS {name}({', '.join(columns)}, row)"
        first += len(columns)
    return items


def arrays(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    """Turn rows, at least one, into arguments: one list per column."""
    return [list(column) for column in zip(*rows, strict=True)]
