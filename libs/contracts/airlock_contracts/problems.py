"""How a call says that it went wrong: RFC 9457 problem details."""

from typing import Any

from pydantic import Field

from .base import Message


class Finding(Message):
    """One of several problems in what was sent, with its place."""

    place: str
    """A JSON pointer or a dotted path into what was sent: `nodes.scan.inputs.workspace`."""
    code: str
    message: str


class Problem(Message):
    """An error's answer. Source: RFC 9457; what follows `instance` are extensions."""

    type: str
    """A link to the page of this code."""
    title: str
    status: int
    detail: str
    instance: str | None = None
    code: str
    category: str
    retryable: bool = False
    hint: str | None = None
    errors: list[Finding] = Field(default_factory=list)
    trace_id: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)
