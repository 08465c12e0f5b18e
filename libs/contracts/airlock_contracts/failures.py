"""Why work went wrong, as data. A failure ends an attempt or a node and is shown to people.

Kinds and the codes that Airlock itself gives (an agent may give others of kind `agent`):
- agent: `agent.error`, `agent.protocol`
- contract: `template.failed`, `input.schema_mismatch`, `input.too_large`, `input.unknown_artifact`,
  `output.invalid_json`, `output.schema_mismatch`, `output.too_large`, `output.unknown_artifact`
- sandbox: `image.missing`, `memory.exceeded`, `exit.nonzero`, `start.failed`,
  `sandbox.outcome_unknown`, `sandbox.lost`
- timeout: `timeout.exceeded`
- policy: `approval.rejected`, `approval.expired`
- cancelled: `cancelled`
- internal: `internal`
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from .base import Message

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,3}$", max_length=64)]


class FailureKind(StrEnum):
    """Who or what is to blame."""

    AGENT = "agent"
    CONTRACT = "contract"
    SANDBOX = "sandbox"
    TIMEOUT = "timeout"
    POLICY = "policy"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


class Failure(Message):
    """Why an attempt or a node failed."""

    kind: FailureKind
    code: Code
    message: str = Field(max_length=4000)
    retryable: bool = False
    details: dict[str, Any] = Field(default_factory=dict)


# The codes that Airlock itself gives; an agent may give others. Each has a page in docs/errors/.
TEMPLATE_FAILED = "template.failed"
INPUT_SCHEMA_MISMATCH = "input.schema_mismatch"
INPUT_TOO_LARGE = "input.too_large"
INPUT_UNKNOWN_ARTIFACT = "input.unknown_artifact"
OUTPUT_INVALID_JSON = "output.invalid_json"
OUTPUT_SCHEMA_MISMATCH = "output.schema_mismatch"
OUTPUT_TOO_LARGE = "output.too_large"
OUTPUT_UNKNOWN_ARTIFACT = "output.unknown_artifact"
IMAGE_MISSING = "image.missing"
MEMORY_EXCEEDED = "memory.exceeded"
EXIT_NONZERO = "exit.nonzero"
START_FAILED = "start.failed"
OUTCOME_UNKNOWN = "sandbox.outcome_unknown"
SANDBOX_LOST = "sandbox.lost"
AGENT_ERROR = "agent.error"
AGENT_PROTOCOL = "agent.protocol"
TIMEOUT_EXCEEDED = "timeout.exceeded"
APPROVAL_REJECTED = "approval.rejected"
APPROVAL_EXPIRED = "approval.expired"
CANCELLED = "cancelled"
INTERNAL = "internal"

CODES = frozenset(
    value for name, value in list(globals().items()) if name.isupper() and isinstance(value, str)
)
"""All of them."""
