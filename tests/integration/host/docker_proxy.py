"""A Docker Engine's socket that can be cut off: a pipe in front of the real one."""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Self

ENGINE = "/var/run/docker.sock"


class DockerProxy:
    """Passes everything on, half-closed connections too, until it is cut."""

    def __init__(self) -> None:
        # A socket's path has 108 bytes at most: a test's own folder may be too deep.
        self.folder = Path(tempfile.mkdtemp(prefix="airlock-docker-"))
        self.path = self.folder / "docker.sock"
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()
        await asyncio.to_thread(shutil.rmtree, self.folder)

    async def open(self) -> None:
        """Listen (again)."""
        self._server = await asyncio.start_unix_server(self._pass_on, self.path)

    async def cut(self) -> None:
        """Listen no more and break what is open, as when the daemon is killed."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.to_thread(self.path.unlink, missing_ok=True)
        for writer in list(self._writers):
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        engine_reader, engine_writer = await asyncio.open_unix_connection(ENGINE)
        both = {writer, engine_writer}
        self._writers |= both
        try:
            await asyncio.gather(_pipe(reader, engine_writer), _pipe(engine_reader, writer))
        finally:
            self._writers -= both
            for one in both:
                one.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, OSError, RuntimeError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
