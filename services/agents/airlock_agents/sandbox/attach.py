"""A container's three streams as one asyncio connection to the engine.

Spoken by asyncio itself and not through the Docker SDK: no thread waits, no deadline of a thread applies,
and the SDK's leak of file descriptors on attached sockets cannot happen.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import cast

from .demux import BrokenStream, Demultiplexer, Stream
from .engine import Engine
from .link import ask
from .neutral import Tail

_READ_BYTES = 32 * 1024
_MAX_EVIDENCE_BYTES = 16 * 1024


class EngineGone(Exception):
    """The connection to the engine broke, or the engine sends nonsense."""


class InputClosed(Exception):
    """Nobody reads the container's stdin any more."""


class Channel:
    """An attached container: stdout is pulled, stderr is kept as a tail, stdin is written.

    Reading one pulls the other along, so a container that fills either never blocks the other for ever.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._demux = Demultiplexer()
        self._pending: list[bytes] = []
        self.stderr = Tail(_MAX_EVIDENCE_BYTES)
        self._first = bytearray()
        self._on_stderr: Callable[[bytes], None] | None = None

    def hear_stderr(self, hear: Callable[[bytes], None]) -> None:
        """Hand over what stderr has said so far, as far as it is kept, and then what comes, as it comes."""
        if self.stderr.total:
            hear(self.stderr.kept)
        self._on_stderr = hear

    @property
    def first_output(self) -> bytes:
        """The first bytes of stdout, bounded: evidence for a person."""
        return bytes(self._first)

    async def read(self) -> bytes:
        """Give the next bytes of stdout; empty at the end of the container's streams.

        Raises EngineGone.
        """
        while not self._pending:
            try:
                data = await self._reader.read(_READ_BYTES)
                pieces = self._demux.feed(data)
            except (OSError, BrokenStream) as error:
                raise EngineGone(str(error)) from error
            if not data:
                return b""
            for stream, piece in pieces:
                if stream is Stream.STDERR:
                    self.stderr.add(piece)
                    if self._on_stderr is not None:
                        self._on_stderr(piece)
                else:
                    self._pending.append(piece)
            # What is buffered comes without a pause; a flood must not hold up the other sandboxes.
            await asyncio.sleep(0)
        data = b"".join(self._pending)
        self._pending.clear()
        self._first += data[: _MAX_EVIDENCE_BYTES - len(self._first)]
        return data

    def take_rest(self) -> None:
        """Read ahead all that is left of an ended container: at most what its engine keeps of it.

        asyncio pauses again once it is read from, so this is said again and again.
        """
        transport = cast(asyncio.Transport, self._writer.transport)
        if not transport.is_closing():
            transport.resume_reading()

    async def hear_out(self, seconds: float) -> None:
        """Read on until the container's streams end, at most so long, for what stderr still says."""
        with contextlib.suppress(TimeoutError, EngineGone):
            async with asyncio.timeout(seconds):
                while await self.read():
                    pass

    async def write(self, data: bytes) -> None:
        """Write to stdin, waiting while the container does not read. Raises InputClosed."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (OSError, RuntimeError) as error:  # RuntimeError: uvloop's word for a closed transport
            raise InputClosed from error

    @property
    def can_end_input(self) -> bool:
        """Whether the container can be told that stdin ends: not through an engine behind TLS."""
        return self._writer.can_write_eof()

    async def end_input(self) -> None:
        """Close stdin: the container reads its end. Raises InputClosed."""
        try:
            await self._writer.drain()
            self._writer.write_eof()
        except (OSError, RuntimeError) as error:  # RuntimeError: uvloop's word for a closed transport
            raise InputClosed from error

    async def close(self) -> None:
        """Let go of the connection; what was not read is lost."""
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def open_attached(engine: Engine, context: ssl.SSLContext | None, container: str) -> Channel:
    """Attach to a container that was created, best before it starts: then nothing is missed.

    Raises Refused, OSError.
    """
    path = f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1"
    upgrade = "HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0"
    return Channel(*await ask(engine, context, "POST", path, upgrade))
