"""The protocol `airlock/1`, the host's side: `ready`, one request, then frames until a final one."""

import asyncio
import math
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from airlock_contracts import failures
from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.base import format_time
from airlock_contracts.failures import Failure, FailureKind

from .attach import Channel, InputClosed
from .frames import PROTOCOL, BrokenFrame, FrameParser, Header, Piece, encode_header
from .neutral import neutral, neutral_value
from .outcome import output_too_large
from .ports import ArtifactSource, SandboxRequest, Sink
from .spans import SpanReader

MAX_ARTIFACTS = 64
MAX_LOG_BYTES = 1024 * 1024
"""Of log and progress headers; what comes after is dropped with one notice."""
MAX_TALK_BYTES = 64 * 1024 * 1024
"""Of all headers: an agent that goes on and on is ended before its time is."""
_MESSAGE_CHARACTERS = 8192
_FAILURE_CHARACTERS = 4000
_CODE = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,3}$")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
_MEDIA_TYPE = re.compile(r"^[a-zA-Z0-9!#$&^_.+-]+/[a-zA-Z0-9!#$&^_.+-]+$")
_LEVELS = frozenset({"debug", "info", "warning", "error"})


class NoAnswer(Exception):
    """The agent's stream ended before a final frame: how it ended says why."""


class ArtifactMismatch(Exception):
    """The source gave another number of bytes than the reference says."""


@dataclass
class Conversation:
    """One container's conversation; an answer is bytes, or the failure that the agent or its limits gave."""

    channel: Channel
    artifacts: list[ArtifactRef] = field(default_factory=list)
    _parser: FrameParser = field(default_factory=FrameParser)
    _talked: int = 0
    _logged: int = 0
    _spans: SpanReader = field(default_factory=SpanReader)

    async def ready(self) -> str:
        """Wait until the agent is ready; answers its SDK's version. Raises BrokenFrame, NoAnswer."""
        header = await self._header()
        if header.type != "ready":
            raise BrokenFrame(f"the first frame is {header.type}, not ready")
        if header.fields.get("protocol") != PROTOCOL:
            raise BrokenFrame(f"it speaks {str(header.fields.get('protocol'))[:64]!r}, not {PROTOCOL}")
        return neutral(str(header.fields.get("sdk", "")), 64)

    async def ask(
        self, request: SandboxRequest, source: ArtifactSource, sink: Sink, *, output_kb: int
    ) -> bytes | Failure:
        """Send the request and handle frames until the final one.

        Raises BrokenFrame, NoAnswer, EngineGone, and what source and sink raise.
        """
        # Sent while frames are read: an agent may speak before it has read all, and neither must wait.
        sending = asyncio.create_task(self._send(request, source))
        answering = asyncio.create_task(self._answer(request, sink, output_kb))
        try:
            done, _ = await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
            if answering not in done:
                await sending  # raises what the source raised
            return await answering
        finally:
            for task in (sending, answering):
                task.cancel()
            await asyncio.gather(sending, answering, return_exceptions=True)

    async def _send(self, request: SandboxRequest, source: ArtifactSource) -> None:
        try:
            await self.channel.write(_request_header(request) + request.input)
            for artifact in request.artifacts:
                left = artifact.ref.size
                async for chunk in source.open(artifact.ref):
                    left -= len(chunk)
                    if left < 0:
                        break
                    await self.channel.write(chunk)
                if left:
                    raise ArtifactMismatch(f"{artifact.ref.artifact} is not {artifact.ref.size} bytes")
        except InputClosed:
            # The agent ended or closed its stdin: its own last word, or its exit code, says how.
            return

    async def _answer(self, request: SandboxRequest, sink: Sink, output_kb: int) -> bytes | Failure:
        while True:
            header = await self._header()
            match header.type:
                case "log":
                    await self._log(header, sink)
                case "progress":
                    await self._progress(header, sink)
                case "span":
                    if request.takes_spans:  # for people: whatever is wrong with one ends no attempt
                        await sink.span(self._spans.read(header.fields))
                case "artifact":
                    await self._artifact(header, sink)
                case "failure":
                    return _agent_failure(header.fields)
                case "result":
                    if (header.size or 0) > output_kb * 1024:
                        return output_too_large(output_kb)
                    return b"".join([piece async for piece in self._body()])
                case _:
                    raise BrokenFrame(f"a second {header.type} frame")

    async def _log(self, header: Header, sink: Sink) -> None:
        if not await self._within_log_limit(header, sink):
            return
        level = header.fields.get("level")
        fields = header.fields.get("fields")
        await sink.log(
            level if isinstance(level, str) and level in _LEVELS else "info",
            neutral(str(header.fields.get("message", "")), _MESSAGE_CHARACTERS),
            neutral_value(fields, _MESSAGE_CHARACTERS) if isinstance(fields, dict) else {},
        )

    async def _progress(self, header: Header, sink: Sink) -> None:
        if not await self._within_log_limit(header, sink):
            return
        fraction = header.fields.get("fraction")
        known = (
            isinstance(fraction, int | float) and not isinstance(fraction, bool) and math.isfinite(fraction)
        )
        await sink.progress(
            neutral(str(header.fields.get("message", "")), _MESSAGE_CHARACTERS),
            min(1.0, max(0.0, float(fraction))) if known and fraction is not None else None,
        )

    async def _within_log_limit(self, header: Header, sink: Sink) -> bool:
        before = self._logged
        self._logged += header.line_bytes
        if self._logged <= MAX_LOG_BYTES:
            return True
        if before <= MAX_LOG_BYTES:
            await sink.log(
                "warning", f"log limit of {MAX_LOG_BYTES} bytes reached; what follows is dropped", {}
            )
        return False

    async def _artifact(self, header: Header, sink: Sink) -> None:
        name, media_type = header.fields.get("name"), header.fields.get("media_type")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise BrokenFrame(f"an artifact's name must match {_NAME.pattern}: {str(name)[:200]!r}")
        if not isinstance(media_type, str) or len(media_type) > 127 or not _MEDIA_TYPE.fullmatch(media_type):
            raise BrokenFrame(f"an artifact's media type is type/subtype: {str(media_type)[:200]!r}")
        if len(self.artifacts) >= MAX_ARTIFACTS:
            raise BrokenFrame(f"more than {MAX_ARTIFACTS} artifacts")
        body = self._body()
        self.artifacts.append(await sink.artifact(name, media_type, header.size or 0, body))
        async for _ in body:  # what the sink left lying would be taken for a header
            pass

    async def _body(self) -> AsyncIterator[bytes]:
        while True:
            piece = await self._next()
            if not isinstance(piece, Piece):
                raise BrokenFrame("a frame's bytes were expected")
            if piece.data:
                yield piece.data
            if piece.last:
                return

    async def _header(self) -> Header:
        found = await self._next()
        if not isinstance(found, Header):
            raise BrokenFrame("a header was expected")
        self._talked += found.line_bytes
        if self._talked > MAX_TALK_BYTES:
            raise BrokenFrame(f"more than {MAX_TALK_BYTES} bytes of headers")
        return found

    async def _next(self) -> Header | Piece:
        while (found := self._parser.next()) is None:
            data = await self.channel.read()
            if not data:
                raise NoAnswer("in the middle of a frame" if self._parser.inside_frame else "between frames")
            self._parser.feed(data)
        return found


def _request_header(request: SandboxRequest) -> bytes:
    attempt = request.attempt
    node = f"{attempt.run}/{attempt.node}"
    return encode_header(
        {
            "type": "request",
            "v": 1,
            "invocation": node,
            "attempt": str(attempt),
            "idempotency_key": node,
            "action": request.action,
            "deadline": format_time(request.deadline) if request.deadline else None,
            "traceparent": request.traceparent,
            "accepts": ["span"] if request.takes_spans else [],
            "size": len(request.input),
            "artifacts": [
                {
                    "pointer": artifact.pointer,
                    "artifact": artifact.ref.artifact,
                    "size": artifact.ref.size,
                    "media_type": artifact.ref.media_type,
                }
                for artifact in request.artifacts
            ],
        }
    )


def _agent_failure(fields: Any) -> Failure:
    code, message, details = fields.get("code"), fields.get("message"), fields.get("details")
    known = isinstance(code, str) and len(code) <= 64 and _CODE.fullmatch(code) is not None
    return Failure(
        kind=FailureKind.AGENT,
        code=str(code) if known else failures.AGENT_ERROR,
        message=neutral(str(message or "the agent gave no reason"), _FAILURE_CHARACTERS),
        retryable=fields.get("retryable") is True,
        details=neutral_value(details, _FAILURE_CHARACTERS) if isinstance(details, dict) else {},
    )
