"""Splits an attached container's stream into stdout and stderr. Pure and incremental.

The engine sends pieces, each behind 8 bytes: stream, three zeros, length (big endian). Source: Docker Engine
API, "Attach to a container", stream format.
"""

from dataclasses import dataclass, field
from enum import IntEnum

_HEADER_BYTES = 8


class Stream(IntEnum):
    """Which of a container's streams a piece belongs to."""

    STDOUT = 1
    STDERR = 2


class BrokenStream(Exception):
    """The engine sent what is no attach stream."""


@dataclass
class Demultiplexer:
    """Takes what came from the engine, gives pieces; keeps less than one header."""

    _header: bytearray = field(default_factory=bytearray)
    _stream: Stream = Stream.STDOUT
    _left: int = 0

    def feed(self, data: bytes) -> list[tuple[Stream, bytes]]:
        """Split what arrived, in its order. Raises BrokenStream."""
        pieces: list[tuple[Stream, bytes]] = []
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                pieces.append((self._stream, piece))
                continue
            wanted = data[at : at + _HEADER_BYTES - len(self._header)]
            at += len(wanted)
            self._header += wanted
            if len(self._header) == _HEADER_BYTES:
                if self._header[0] not in (Stream.STDOUT, Stream.STDERR):
                    raise BrokenStream(f"stream {self._header[0]} in an attach stream")
                self._stream = Stream(self._header[0])
                self._left = int.from_bytes(self._header[4:], "big")
                self._header.clear()
        return pieces
