"""A step spelled out for people: everything in it, one thing a line, times as seconds from the start."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from airlock_contracts.failures import Failure
from airlock_orchestration.engine.effects import Step
from engine_runs import START
from pydantic import BaseModel


def record(after: Step) -> str:
    """The run, the nodes that changed, the facts, the effects."""
    run = after.run
    ended = f" at {spelled(run.finished_at)}" if run.finished_at else ""
    failure = f" by {spelled(run.failure)}" if run.failure else ""
    lines = [f"run {run.status}{ended}{failure}"]
    lines += [f"{id_} {spelled(run.nodes[id_])}" for id_ in sorted(after.changed)]
    for fact in after.events:
        about = f" {fact.node}" if fact.node else ""
        lines.append(
            f"{fact.seq}{about} {fact.type} by {fact.principal} at {spelled(fact.at)}{_told(fact.data)}"
        )
    lines += [spelled(effect) for effect in after.effects]
    return "\n".join(lines)


def spelled(value: Any) -> str:
    """One value; of a dataclass only what differs from its defaults."""
    match value:
        case Enum():
            return str(value.value)
        case datetime():
            return f"{(value - START).total_seconds():+g}"
        case bytes():
            return value.decode()
        case Failure():
            again = ", may be tried again" if value.retryable else ""
            return f"<{value.kind} {value.code}: {value.message}{again}>"
        case BaseModel():
            return f"<{_told(value.model_dump(exclude_defaults=True)).strip()}>"
        case tuple():
            return f"[{', '.join(spelled(one) for one in value)}]"
        case str() if len(value) == 64:
            return f"#{value[:6]}"
    if not is_dataclass(value):
        return str(value)
    shown = {
        field.name: getattr(value, field.name)
        for field in fields(value)
        if field.default is MISSING or getattr(value, field.name) != field.default
    }
    return f"{type(value).__name__}:{_told(shown)}"


def _told(data: Mapping[str, Any]) -> str:
    return "".join(f" {name}={spelled(one)}" for name, one in data.items())
