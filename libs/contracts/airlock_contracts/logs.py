"""What agents say while they work: the message from a host, and the lines as REST shows them.

A convenience, not truth: lines may get lost, and nothing waits for them. Text in a line is neutralised and
masked by the host; whoever shows it still treats it as text from outside.
"""

from enum import StrEnum

from pydantic import Field

from .base import JsonObject, Message, Name, Time
from .messages import AttemptId, Header, Token

MAX_LINES = 5_000
"""Lines of one attempt; the last one says that more were dropped."""
MAX_LINE_CHARACTERS = 8_192
MAX_ATTEMPT_BYTES = 1024 * 1024
"""Messages and fields of one attempt's lines together."""
MAX_FIELDS_BYTES = 16 * 1024
MAX_LINES_PER_MESSAGE = 1_000


class LogStream(StrEnum):
    """Where a line comes from."""

    LOG = "log"
    """A `log` frame."""
    PROGRESS = "progress"
    """A `progress` frame."""
    STDERR = "stderr"
    """What the agent printed."""
    AIRLOCK = "airlock"
    """Not the agent: what Airlock has to say about this log."""


class LogLevel(StrEnum):
    """How much a line matters, by its writer; stderr is `info`."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogLine(Message):
    """One line of an attempt's log."""

    number: int = Field(ge=1, le=MAX_LINES)
    """Counted by the host within the attempt from 1. A gap is a loss."""
    at: Time
    """When the host read it, by the host's clock."""
    stream: LogStream
    level: LogLevel
    message: str = Field(max_length=MAX_LINE_CHARACTERS)
    fields: JsonObject | None = None
    """Of a log frame."""
    fraction: float | None = Field(default=None, ge=0, le=1)
    """Of a progress frame: how far the work is."""


class AgentLog(Header):
    """Lines of one attempt, as its host sends them: without acknowledgement, at most once."""

    attempt: AttemptId
    host: str = Field(max_length=255)
    token: Token
    lines: list[LogLine] = Field(max_length=MAX_LINES_PER_MESSAGE)


class LogView(LogLine):
    """One line of a run's log."""

    id: int = Field(ge=1)
    """Grows within the run: what is read behind an id was written after it."""
    node: Name
    attempt: int = Field(ge=1)
