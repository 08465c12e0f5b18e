"""What one attempt's sandbox gets and gives while it works: artifacts both ways, logs, progress."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airlock_chassis.telemetry.logs import get_logger
from airlock_contracts import failures
from airlock_contracts.artifacts import MAX_ARTIFACT_BYTES, ArtifactRef
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import AttemptId

from ..sandbox.outcome import Failed
from ..sandbox.spans import AgentSpan, Dropped
from .agent_spans import AgentSpans
from .api import Api, ApiAway, ApiRefused
from .artifact_cache import ArtifactCache, read_file, write_file
from .logs import AttemptLog

log = get_logger(__name__)

MAX_LINES = 1000
"""Log lines and progress of one attempt that reach our own log."""
LOUD = {"warning": logging.WARNING, "error": logging.ERROR}
"""Levels of agents' lines that are as loud in our own log; the others are in the attempt's."""
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
"""Artifacts of one attempt together."""
PUT_PATIENCE_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 5.0


class CannotStore(Exception):
    """An artifact could not be stored: how the attempt ends."""

    def __init__(self, outcome: Failed) -> None:
        super().__init__(outcome.failure.message)
        self.outcome = outcome


class Exchange:
    """Source and sink of one attempt (see sandbox/ports.py)."""

    def __init__(
        self, api: Api, cache: ArtifactCache, attempt: AttemptId, said: AttemptLog, spans: AgentSpans
    ) -> None:
        self._api = api
        self._cache = cache
        self._said = said
        self._spans = spans
        self._attempt = attempt
        self._lines = 0
        self._bytes = 0

    def open(self, ref: ArtifactRef) -> AsyncIterator[bytes]:
        """The bytes of an input's artifact, from the cache."""
        return self._cache.read(ref)

    async def log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """An agent's log line goes out, and becomes an event of our own; its fields stay apart from ours."""
        self._said.log(level, message, fields)
        if self._counted():
            log.log(LOUD.get(level, logging.DEBUG), "agent.log", message=message, fields=dict(fields))

    async def progress(self, message: str, fraction: float | None) -> None:
        """How far the agent says it is."""
        self._said.progress(message, fraction)
        if self._counted():
            log.debug("agent.progress", message=message, fraction=fraction)

    async def span(self, told: AgentSpan | Dropped) -> None:
        """What the agent did, as it says."""
        self._spans.add(told)

    async def artifact(
        self, name: str, media_type: str, size: int, chunks: AsyncIterator[bytes]
    ) -> ArtifactRef:
        """Spool, hash, put; when this returns orchestration has it. Raises CannotStore."""
        self._bytes += size
        if size > MAX_ARTIFACT_BYTES or self._bytes > MAX_TOTAL_BYTES:
            raise CannotStore(_too_large(name, size))
        path = self._cache.scratch_path()
        try:
            sha256, written = await write_file(path, chunks, limit=size)
            ref = ArtifactRef(artifact=f"sha256:{sha256}", size=written, media_type=media_type)
            await self._put(name, ref, lambda: read_file(path))
            await self._cache.adopt(path, ref)
        except OSError as error:
            raise CannotStore(_not_stored(name, f"this host's disk: {error}")) from error
        finally:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(path.unlink, missing_ok=True)
        log.debug("artifact.stored", name=name, artifact=ref.artifact, size=written, media_type=media_type)
        return ref

    async def _put(self, name: str, ref: ArtifactRef, chunks: Any) -> None:
        until = time.monotonic() + PUT_PATIENCE_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._api.put_artifact(ref, self._attempt, chunks)
                return
            except ApiRefused as error:
                raise CannotStore(_not_stored(name, str(error))) from error
            except ApiAway as error:
                if time.monotonic() + pause >= until:
                    raise CannotStore(_not_stored(name, str(error), retryable=True)) from error
                log.warning("artifact.put_again", name=name, reason=str(error))
            await asyncio.sleep(pause)
            pause = min(MAX_PAUSE_SECONDS, 2 * pause)

    def _counted(self) -> bool:
        self._lines += 1
        if self._lines == MAX_LINES:
            log.warning("agent.log_cut", lines=MAX_LINES)
        return self._lines < MAX_LINES


def _too_large(name: str, size: int) -> Failed:
    return Failed(
        Failure(
            kind=FailureKind.CONTRACT,
            code=failures.OUTPUT_TOO_LARGE,
            message=f"artifact {name} of {size} bytes: one may have {MAX_ARTIFACT_BYTES} bytes, "
            f"all of an attempt {MAX_TOTAL_BYTES}",
        )
    )


def _not_stored(name: str, reason: str, *, retryable: bool = False) -> Failed:
    return Failed(
        Failure(
            kind=FailureKind.INTERNAL,
            code=failures.INTERNAL,
            message=f"artifact {name} could not be stored: {reason}"[:4000],
            retryable=retryable,
        )
    )
