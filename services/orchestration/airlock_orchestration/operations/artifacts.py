"""Artifacts: streamed in and out, their digest checked both times.

What comes is written to a temporary file first and to Postgres only once its digest is right: a slow sender
holds no transaction open, and what is cut off or wrong leaves nothing behind. In memory is never more than a
chunk of each stream.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO
from uuid import UUID

from airlock_contracts.artifacts import CHUNK_BYTES, MAX_ARTIFACT_BYTES
from airlock_contracts.messages import AttemptId
from airlock_contracts.views import ArtifactView

from ..errors import (
    ArtifactCorrupt,
    ArtifactMismatch,
    ArtifactTooLarge,
    ArtifactUnknown,
    RunUnknown,
    StoreUnavailable,
)
from ..store import artifacts as store
from ..store.sessions import Sessions
from .pages import Cursor, Slice, slice_of
from .principals import Principal

MAX_UPLOADS = 8
"""At once: so many temporary files of at most 256 MiB each."""
_TURN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Putter:
    """Who brings an artifact: a principal, or a host for an attempt."""

    project: str
    name: str
    attempt: AttemptId | None = None

    @property
    def spelled(self) -> str:
        """As it is remembered: an output may name what its own attempt put."""
        return self.name if self.attempt is None else str(self.attempt)


class Artifacts:
    """Takes artifacts in and gives them out."""

    def __init__(
        self, sessions: Sessions, *, max_bytes: int = MAX_ARTIFACT_BYTES, max_uploads: int = MAX_UPLOADS
    ) -> None:
        self._sessions = sessions
        self._max_bytes = max_bytes
        self._uploads = asyncio.Semaphore(max_uploads)

    async def put(
        self, sha256: str, body: AsyncIterator[bytes], *, media_type: str, putter: Putter
    ) -> tuple[ArtifactView, bool]:
        """Keep an artifact under its digest; answers it and whether it is new.

        Whoever puts what is here already must bring its bytes too, and is remembered. Raises
        ArtifactTooLarge, ArtifactMismatch, StoreUnavailable; then nothing was kept.
        """
        async with self._turn(), _spool() as file:
            digest, size = await self._receive(file, body)
            if digest != sha256:
                raise ArtifactMismatch(
                    f"{size} bytes came whose sha256 is {digest}, not {sha256}", sha256=digest, size=size
                )
            return await self._keep(file, sha256, size, media_type, putter)

    async def find(self, sha256: str) -> ArtifactView:
        """What is known of an artifact. Raises ArtifactUnknown."""
        async with self._sessions.reading() as session:
            row = await store.find_artifact(session, sha256)
        if row is None:
            raise ArtifactUnknown(f"no artifact has the digest sha256:{sha256}")
        return store.to_view(row)

    async def page(
        self, principal: Principal, *, run: UUID | None, cursor: Cursor[str] | None, limit: int
    ) -> Slice[ArtifactView, str]:
        """One page of the project's artifacts, those put last first; of a run those that it names.

        Raises RunUnknown, for another project's run too.
        """
        async with self._sessions.reading() as session:
            if run is None:
                rows = await store.page_artifacts(session, principal.project, before=cursor, limit=limit + 1)
            elif await store.project_of(session, run) != principal.project:
                raise RunUnknown(f"no run has the id {run}")
            else:
                rows = await store.page_artifacts_of(session, run, before=cursor, limit=limit + 1)
        return slice_of([(store.to_view(row), (at, row.sha256)) for row, at in rows], limit)

    async def read(self, sha256: str, size: int) -> AsyncIterator[bytes]:
        """Give an artifact out, chunk by chunk; no connection is held between two chunks.

        Raises ArtifactCorrupt before the last chunk if the stored bytes do not have their digest, so that
        nobody takes what came for the whole.
        """
        seen = hashlib.sha256()
        held = b""
        sent = 0
        for position in range((size + CHUNK_BYTES - 1) // CHUNK_BYTES):
            async with self._sessions.reading() as session:
                chunk = await store.read_chunk(session, sha256, position)
            if chunk is None:
                raise ArtifactCorrupt(f"sha256:{sha256} lacks its chunk {position}")
            await asyncio.to_thread(seen.update, chunk)
            if held:
                yield held
            held = chunk
            sent += len(chunk)
        if seen.hexdigest() != sha256 or sent != size:
            raise ArtifactCorrupt(f"sha256:{sha256} is stored as sha256:{seen.hexdigest()}, {sent} bytes")
        if held:
            yield held

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One of the uploads that there may be at once."""
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._uploads.acquire()
        except TimeoutError as error:
            raise StoreUnavailable("as many artifacts as may are being put right now") from error
        try:
            yield
        finally:
            self._uploads.release()

    async def _receive(self, file: IO[bytes], body: AsyncIterator[bytes]) -> tuple[str, int]:
        """Write the body to the file; answers its digest and size. The limit is counted, not believed."""
        seen = hashlib.sha256()
        size = 0
        waiting = bytearray()

        def flush(data: bytes) -> None:
            seen.update(data)
            file.write(data)

        async for piece in body:
            size += len(piece)
            if size > self._max_bytes:
                raise ArtifactTooLarge(f"more than {self._max_bytes} bytes came", max_bytes=self._max_bytes)
            waiting += piece
            if len(waiting) >= CHUNK_BYTES:
                await asyncio.to_thread(flush, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(flush, bytes(waiting))
        return seen.hexdigest(), size

    async def _keep(
        self, file: IO[bytes], sha256: str, size: int, media_type: str, putter: Putter
    ) -> tuple[ArtifactView, bool]:
        async with self._sessions.reading() as session:
            known = await store.find_artifact(session, sha256) is not None
            project = putter.project
            if putter.attempt is not None:  # a host works for every project
                project = await store.project_of(session, UUID(putter.attempt.run)) or project
        async with self._sessions.writing() as session:
            new = not known and await store.open_artifact(session, sha256, size, media_type)
            if new:
                await asyncio.to_thread(file.seek, 0)
                for position in range((size + CHUNK_BYTES - 1) // CHUNK_BYTES):
                    chunk = await asyncio.to_thread(file.read, CHUNK_BYTES)
                    await store.add_chunk(session, sha256, position, chunk)
                await store.complete_artifact(session, sha256)
            if not await store.note_put(session, sha256, putter.spelled, project):
                raise StoreUnavailable(f"sha256:{sha256} was removed just now; put it again")
            row = await store.find_artifact(session, sha256)
            assert row is not None
            return store.to_view(row), new


@asynccontextmanager
async def _spool() -> AsyncIterator[IO[bytes]]:
    """A temporary file without a name: it is gone when it is closed, however this process ends."""
    file = await asyncio.to_thread(tempfile.TemporaryFile)
    try:
        yield file
    finally:
        await asyncio.shield(asyncio.to_thread(file.close))
