"""The two kinds of models that cross a process border, and the names and times in them."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer, StringConstraints

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
VERSION_PATTERN = r"^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}(-[0-9A-Za-z.-]{1,32})?$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""Name or id of a workflow, agent, node or pool: it stands in subjects, labels and expressions."""

Sha256 = Annotated[str, StringConstraints(pattern=SHA256_PATTERN)]
"""A sha256 digest, 64 lower-case hexadecimal digits."""

Version = Annotated[str, StringConstraints(pattern=VERSION_PATTERN, max_length=52)]
"""An agent's version, `major.minor.patch`."""


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def format_time(value: datetime) -> str:
    """Write a time as RFC 3339 in UTC with `Z` and microseconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Time = Annotated[
    AwareDatetime,
    AfterValidator(_to_utc),
    PlainSerializer(format_time, return_type=str, when_used="json"),
]
"""A point in time: aware, UTC, RFC 3339 with `Z` in JSON."""

JsonObject = dict[str, Any]


class Contract(BaseModel):
    """What people write: frozen, strict, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Message(BaseModel):
    """What programs send: frozen; an unknown field is a newer sender's and is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)
