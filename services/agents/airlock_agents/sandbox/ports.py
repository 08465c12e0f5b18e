"""What a host asks of a sandbox, and what a sandbox asks of its host."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.manifest import Manifest
from airlock_contracts.messages import AttemptId

from .spans import AgentSpan, Dropped


@dataclass(frozen=True)
class SandboxSpec:
    """Which sandbox to open: known before any invocation is."""

    sandbox: str
    """Minted by the host, unique: it stands in a label and in the container's name."""
    manifest: Manifest
    image: str
    """Pinned: an image id, or a repository digest."""


@dataclass(frozen=True)
class InputArtifact:
    """An artifact that an input names."""

    pointer: str
    """JSON pointer into the input."""
    ref: ArtifactRef


@dataclass(frozen=True)
class SandboxRequest:
    """What an agent is asked, once it is ready."""

    attempt: AttemptId
    action: str
    input: bytes
    """The input document, byte for byte."""
    timeout_seconds: float
    """From the request to the answer; the smaller of it and the manifest's counts."""
    deadline: datetime | None = None
    traceparent: str | None = None
    """What the agent's own spans, and whatever it calls, stand below."""
    takes_spans: bool = False
    """Whether anybody keeps the agent's own spans: the sink hears of them, and of dropped ones, only then."""
    artifacts: tuple[InputArtifact, ...] = ()


class ArtifactSource(Protocol):
    """Where the bytes of input artifacts come from."""

    def open(self, ref: ArtifactRef) -> AsyncIterator[bytes]:
        """Give an artifact's bytes in pieces; what it raises ends the attempt and reaches the host."""
        ...


class Sink(Protocol):
    """Where goes what an agent says while it works. What a method raises ends the attempt."""

    async def log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """A log line; its text is safe to show. Level: debug, info, warning or error."""

    async def progress(self, message: str, fraction: float | None) -> None:
        """How far it is; the fraction is from 0 to 1."""

    async def span(self, told: AgentSpan | Dropped) -> None:
        """A span of the agent's own, over; or those that could not be read, or were too many."""

    async def artifact(
        self, name: str, media_type: str, size: int, chunks: AsyncIterator[bytes]
    ) -> ArtifactRef:
        """Store an artifact. The chunks are exactly `size` bytes, or they raise."""
        ...
