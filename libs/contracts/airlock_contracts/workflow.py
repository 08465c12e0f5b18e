"""What people write to describe a workflow: the DAG, as YAML or JSON."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints

from .base import Contract, JsonObject, Name
from .manifest import ActionName
from .statuses import OnExpiry, RiskLevel

MAX_NODES = 1000
MAX_TAGS = 8
AGENT_REFERENCE = r"^[a-z0-9][a-z0-9-]{0,62}(@[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}(-[0-9A-Za-z.-]{1,32})?)?$"

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"^([0-9]{1,9})(ms|s|m|h|d)$")
_MAX_DURATION = timedelta(days=366)


def _parse_duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or (found := _DURATION.fullmatch(value)) is None:
        raise ValueError("a duration is a whole number and a unit: 500ms, 30s, 5m, 24h, 7d")
    duration = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if duration > _MAX_DURATION:
        raise ValueError("a duration is at most 366d")
    return duration


def format_duration(value: timedelta) -> str:
    """Write a duration in the largest unit that keeps it whole: `90s`, `24h`."""
    milliseconds = round(value.total_seconds() * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


Duration = Annotated[
    timedelta,
    BeforeValidator(_parse_duration, json_schema_input_type=str),
    PlainSerializer(format_duration, return_type=str),
]
"""A duration such as `500ms`, `30s`, `5m`, `24h`, `7d`."""


def _each_once(tags: list[str]) -> list[str]:
    if len(set(tags)) < len(tags):
        raise ValueError("a tag is named once")
    return tags


class RetrySpec(Contract):
    """When a failed attempt is tried again: after `base_delay * factor**n`, at most `max_delay`."""

    max_attempts: int = Field(default=1, ge=1, le=20)
    base_delay: Duration = timedelta(seconds=1)
    factor: float = Field(default=2.0, ge=1.0, le=10.0)
    max_delay: Duration = timedelta(seconds=30)
    jitter: Literal["full", "none"] = "full"


class ApprovalSpec(Contract):
    """How a gate asks."""

    expires_in: Duration = timedelta(hours=24)
    on_expiry: OnExpiry = OnExpiry.REJECT
    preview: str | None = Field(default=None, max_length=16384)
    """The workflow author's view of what is asked: a template. The input is always shown beneath it."""


class NodeSpec(Contract):
    """One vertex of the DAG."""

    id: Name
    agent: Annotated[str, StringConstraints(pattern=AGENT_REFERENCE)]
    """`name` (the newest version when the run starts) or `name@1.2.0`."""
    action: ActionName
    depends_on: list[Name] = Field(default_factory=list, max_length=MAX_NODES)
    inputs: dict[str, Any] = Field(default_factory=dict)
    """JSON values; strings may hold `{{ templates }}`."""
    risk_level: RiskLevel | None = None
    """May raise the action's risk level, never lower it."""
    approval: ApprovalSpec | None = None
    retry: RetrySpec = RetrySpec()
    timeout: Duration | None = None
    """Time for one attempt; never more than the agent's own limit."""

    @property
    def agent_name(self) -> str:
        """The agent's name without a version."""
        return self.agent.partition("@")[0]

    @property
    def agent_version(self) -> str | None:
        """The pinned version, or None for the newest."""
        return self.agent.partition("@")[2] or None


class WorkflowSpec(Contract):
    """A workflow as its author writes it."""

    name: Name
    description: str = Field(default="", max_length=4000)
    input_schema: JsonObject = Field(default_factory=lambda: {"type": "object"})
    """JSON Schema 2020-12 of the context that a trigger brings."""
    # Left out where there is none: the digest of a workflow without tags is what it was before there were,
    # and a replica that does not know them reads it.
    tags: Annotated[list[Name], AfterValidator(_each_once)] = Field(
        default_factory=list,
        max_length=MAX_TAGS,
        json_schema_extra={"uniqueItems": True},
        exclude_if=lambda tags: not tags,
    )
    """Names that what its runs cost is counted under, such as the team that pays."""
    nodes: list[NodeSpec] = Field(min_length=1, max_length=MAX_NODES)
