"""A folder in the place of a host's store: input artifacts come from it, what an agent makes goes there."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from airlock_contracts.artifacts import MAX_ARTIFACT_BYTES, ArtifactRef

from ..sandbox.spans import MAX_ATTRIBUTES_BYTES, MAX_NAMES_BYTES, MAX_SPANS, AgentSpan, Dropped

_CHUNK = 1024 * 1024
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
"""Artifacts of one attempt together, as on a host."""

Tell = Callable[[Mapping[str, Any]], None]
"""Hears what happens, as it happens: one small JSON object each."""


class NoSuchArtifact(Exception):
    """The input names an artifact that was not given."""


class TooLarge(Exception):
    """The agent makes more artifacts than a host would take."""


class FolderExchange:
    """Source and sink of one attempt (see sandbox/ports.py) below a folder: `given/`, `made/`, by sha256."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self._folder = folder
        self._tell = tell
        self._bytes = 0

    async def open(self, ref: ArtifactRef) -> AsyncIterator[bytes]:
        """The bytes of an input's artifact. Raises NoSuchArtifact."""
        path = self._folder / "given" / ref.sha256
        try:
            file: BinaryIO = await asyncio.to_thread(path.open, "rb")
        except OSError as error:
            raise NoSuchArtifact(f"the input names {ref.artifact}, which was not given") from error
        try:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk
        finally:
            await asyncio.to_thread(file.close)

    async def log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """A log line of the agent."""
        self._tell({"event": "log", "level": level, "message": message, "fields": dict(fields)})

    async def progress(self, message: str, fraction: float | None) -> None:
        """How far the agent says it is."""
        self._tell({"event": "progress", "message": message, "fraction": fraction})

    async def span(self, told: AgentSpan | Dropped) -> None:
        """What the agent says that it did; the author hears of what a host would drop, too."""
        if isinstance(told, Dropped):
            what = "a span was dropped" if told.count == 1 else f"{told.count} spans were dropped"
            reasons = f"unreadable, beyond {MAX_SPANS}, or with names beyond {MAX_NAMES_BYTES} bytes together"
            self._note(f"{what}: {reasons}")
            return
        milliseconds = max(0.0, (told.end - told.start).total_seconds() * 1000)
        self._tell(
            {
                "event": "span",
                "name": told.name,
                "milliseconds": milliseconds,
                "failed": told.failed,
                "attributes": dict(told.attributes),
            }
        )
        if told.left_out:
            reason = f"those of an attempt have {MAX_ATTRIBUTES_BYTES} bytes together"
            self._note(f"attributes left out of the span {told.name}: {told.left_out}; {reason}")

    def _note(self, text: str) -> None:
        self._tell({"event": "note", "text": text})

    async def artifact(
        self, name: str, media_type: str, size: int, chunks: AsyncIterator[bytes]
    ) -> ArtifactRef:
        """Keep an artifact under its digest. Raises TooLarge."""
        self._bytes += size
        if size > MAX_ARTIFACT_BYTES or self._bytes > MAX_TOTAL_BYTES:
            raise TooLarge(
                f"artifact {name} of {size} bytes: one may have {MAX_ARTIFACT_BYTES}, all {MAX_TOTAL_BYTES}"
            )
        made = self._folder / "made"
        part = made / "part"
        digest = hashlib.sha256()
        await asyncio.to_thread(made.mkdir, parents=True, exist_ok=True)
        file: BinaryIO = await asyncio.to_thread(part.open, "wb")
        try:
            async for chunk in chunks:
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
        finally:
            await asyncio.to_thread(file.close)
        await asyncio.to_thread(part.replace, made / digest.hexdigest())
        ref = ArtifactRef(artifact=f"sha256:{digest.hexdigest()}", size=size, media_type=media_type)
        self._tell({"event": "artifact", "name": name, **json.loads(ref.model_dump_json())})
        return ref
