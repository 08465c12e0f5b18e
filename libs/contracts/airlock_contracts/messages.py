"""What goes over NATS: a JSON header line, then raw bytes, so that inputs and outputs stay as they were.

Layout of a message's payload: the header as one line of JSON, `\\n`, the body's bytes. Requests and
broadcasts have no body. Every header carries `v`; readers refuse a version they do not know.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationError

from .artifacts import ArtifactRef
from .base import Message, Name, Sha256, Time
from .failures import Failure
from .manifest import ActionName

MAX_MESSAGE_BYTES = 1024 * 1024
"""NATS' default limit of one payload."""
MAX_INPUT_BYTES = 512 * 1024
MAX_OUTPUT_BYTES = 512 * 1024
MAX_EVIDENCE_BYTES = 16 * 1024
"""Bound on raw output and log tail that a report keeps of a failed attempt."""

Token = Annotated[str, StringConstraints(pattern=r"^[0-9a-zA-Z_-]{16,64}$")]
RunId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class MalformedMessage(ValueError):
    """The payload is not a message of a kind and version known here."""


class Header(Message):
    """The header line of a message."""

    v: Literal[1] = 1

    def encode(self, body: bytes = b"") -> bytes:
        """The message's payload: header line and body."""
        return self.model_dump_json(exclude_none=True).encode() + b"\n" + body

    @classmethod
    def decode(cls, payload: bytes) -> tuple[Self, bytes]:
        """Split a payload into header and body. Raises MalformedMessage."""
        line, _, body = payload.partition(b"\n")
        try:
            return cls.model_validate_json(line), body
        except ValidationError as error:
            raise MalformedMessage(
                f"not a {cls.__name__}: {error.error_count()} problems: {error}"
            ) from error


class AttemptId(Message):
    """Which attempt: spelled `run/node/number`."""

    run: RunId
    node: Name
    number: int = Field(ge=1, le=2**31 - 1)
    """From 1; as large as the store's column."""

    def __str__(self) -> str:
        return f"{self.run}/{self.node}/{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `run/node/number`. Raises ValueError."""
        run, _, rest = text.partition("/")
        node, _, number = rest.partition("/")
        if not number.isdecimal():
            raise ValueError(f"not an attempt id: {text!r}")
        return cls(run=run, node=node, number=int(number))


class Invocation(Header):
    """What a node asks of an agent version. The body is the resolved input, byte for byte."""

    project: Name
    attempt: AttemptId
    agent: str
    """`name@version`, for people and logs."""
    agent_version_id: str
    """The registration that gives image, limits and grants; the message never does."""
    action: ActionName
    claim_first: bool
    """The host starts only after its claim is granted (a gated node, or an agent with effects)."""
    preview_sha256: Sha256
    timeout_seconds: float = Field(gt=0)
    """Time for this attempt; the host takes the smaller of it and the manifest's."""
    deadline: Time | None = None
    """When the answer is worthless, by Postgres' clock."""


class ReportStatus(StrEnum):
    """How an attempt ended, as its host saw it."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Usage(Message):
    """What an attempt took."""

    queued_ms: float | None = None
    """From the message's arrival to the start of the sandbox."""
    start_ms: float | None = None
    """From create to the agent being ready."""
    run_ms: float | None = None
    cpu_ms: float | None = None
    peak_memory_bytes: int | None = None


class Report(Header):
    """What a host says about an attempt. The body: the output of a success, or raw output, bounded."""

    attempt: AttemptId
    host: str
    token: Token
    status: ReportStatus
    failure: Failure | None = None
    artifacts: list[ArtifactRef] = Field(default_factory=list, max_length=256)
    """Put by this attempt; its output may name these and those of its input."""
    stderr_tail: str = Field(default="", max_length=MAX_EVIDENCE_BYTES)
    usage: Usage = Usage()


class ClaimRequest(Header):
    """May this token start this attempt?"""

    attempt: AttemptId
    host: str
    token: Token


class ClaimAnswer(StrEnum):
    """What Postgres said about a claim."""

    GRANTED = "granted"
    REFUSED = "refused"


class ClaimReply(Header):
    """The answer to a claim."""

    answer: ClaimAnswer
    payload_sha256: Sha256 | None = None
    """With a grant: what the host must find before it starts."""
    lease_seconds: float = 0.0


class HeldAttempt(Message):
    """An attempt that a host works on, or whose report it keeps."""

    attempt: AttemptId
    token: Token
    reporting: bool = False
    """It has ended and its report waits to be settled."""


class HeartbeatRequest(Header):
    """A host lives, what it can do, and what it holds."""

    host: str
    boot: str
    """Changes with each start of the host's process."""
    pool: Name
    version: str
    slots: int = Field(ge=0)
    busy: int = Field(ge=0)
    memory_mb: int = Field(ge=0)
    draining: bool = False
    missing_images: list[str] = Field(default_factory=list, max_length=64)
    """Agent versions (`name@version`) whose image this host lacks."""
    held: list[HeldAttempt] = Field(default_factory=list, max_length=512)
    at: Time | None = None
    """When it was sent, by the host's clock: decides nothing, but tells how far that clock is off."""


class Holding(StrEnum):
    """What became of an attempt that a host holds."""

    HELD = "held"
    """It is this token's; the lease was extended."""
    LOST = "lost"
    """It was given up or is another token's: stop, and report nothing."""
    SETTLED = "settled"
    """Its end is recorded: forget it."""
    CANCELLED = "cancelled"
    """Its run is being cancelled: stop, and report that."""
    UNCLAIMED = "unclaimed"
    """Still DISPATCHED, granted to nobody: go on, and publish a finished report again."""


class HeartbeatReply(Header):
    """One answer per held attempt, by `run/node/number`."""

    lease_seconds: float
    holdings: dict[str, Holding] = Field(default_factory=dict)
    gone_hosts: list[str] = Field(default_factory=list, max_length=256)
    """Hosts that Postgres calls gone: what they left on a shared machine may be removed."""


class ImageRequest(Header):
    """What image is this, on a host of this pool?"""

    pool: Name
    image: str = Field(max_length=512)


class ImageReply(Header):
    """The image as a host found it, or why it cannot be used."""

    digest: str | None = None
    problem: str | None = None


class CancelBroadcast(Header):
    """End these attempts."""

    attempts: list[AttemptId] = Field(max_length=1024)


class Bell(Header):
    """There are new journal rows, or log lines, of these runs; look."""

    runs: list[RunId]
    logs: list[RunId] = Field(default_factory=list)


class DeadLetter(Header):
    """A message that can never be handled. The body is its payload, bounded."""

    stream: str
    subject: str
    sequence: int
    cause: str = Field(max_length=4000)
    at: Time
