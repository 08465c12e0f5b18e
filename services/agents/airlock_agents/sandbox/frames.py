"""The frames of airlock/1, as an agent sends them: an incremental parser without I/O.

A frame is one line of JSON; with `size: N`, N raw bytes follow the newline. What comes from an agent is
hostile until it is parsed: every length has its bound here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airlock_contracts import strict_json
from airlock_contracts.artifacts import MAX_ARTIFACT_BYTES

PROTOCOL = "airlock/1"
MAX_HEADER_BYTES = 64 * 1024
"""Of a header line with its newline."""
_QUOTED_BYTES = 200
_BODIES: Mapping[str, int] = {"artifact": MAX_ARTIFACT_BYTES, "result": 2**53}
"""Frames that carry bytes, and the most; a result is held to the manifest's output_kb by its reader."""
# A log line may quote anything, a file's name that is no Unicode too: U+0000 and half a surrogate pair become
# U+FFFD, and the frame counts. The two in a document, in a result, are refused by who checks that.
_ESCAPES = re.compile(
    rb"(?P<good>\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u0000|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_TYPES = frozenset({"ready", "log", "progress", "span", "artifact", "result", "failure"})


class BrokenFrame(Exception):
    """The agent does not speak airlock/1; the message says how."""


@dataclass(frozen=True)
class Header:
    """A frame's header line; `size` is None for a frame without bytes."""

    type: str
    size: int | None
    fields: Mapping[str, Any]
    line_bytes: int


@dataclass(frozen=True)
class Piece:
    """Some of the bytes behind the last header."""

    data: bytes
    last: bool


class FrameParser:
    """Takes bytes in any portions; gives the same headers, and the same bytes behind them."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._left: int | None = None

    @property
    def inside_frame(self) -> bool:
        """Whether the stream must not end here."""
        return bool(self._buffer) or self._left is not None

    def feed(self, data: bytes) -> None:
        """Take what arrived. Call `next` until it has no more before feeding again."""
        self._buffer += data

    def next(self) -> Header | Piece | None:
        """Give the next header or piece; None when more bytes are needed. Raises BrokenFrame."""
        if self._left is not None:
            return self._piece(self._left)
        end = self._buffer.find(b"\n", self._searched, MAX_HEADER_BYTES)
        if end < 0:
            if len(self._buffer) >= MAX_HEADER_BYTES:
                raise BrokenFrame(f"a header longer than {MAX_HEADER_BYTES} bytes: {_quote(self._buffer)}")
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        header = _parse_header(line)
        self._left = header.size
        return header

    def _piece(self, left: int) -> Piece | None:
        if left and not self._buffer:
            return None
        data = bytes(self._buffer[:left])
        del self._buffer[:left]
        left -= len(data)
        self._left = left or None
        return Piece(data=data, last=left == 0)


def encode_header(fields: Mapping[str, Any]) -> bytes:
    """Write a frame's header line. Raises ValueError for one over the limit."""
    line = json.dumps(fields, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    if len(line) > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {len(line)} bytes; at most {MAX_HEADER_BYTES}")
    return line


def _parse_header(line: bytes) -> Header:
    try:
        fields = strict_json.parse(_ESCAPES.sub(_mended, line))
    except strict_json.InvalidJson as error:
        raise BrokenFrame(f"a header that is no JSON ({error}): {_quote(line)}") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("type"), str):
        raise BrokenFrame(f"a header without a type: {_quote(line)}")
    kind = fields["type"]
    if kind not in _TYPES:
        raise BrokenFrame(f"a frame of unknown type: {_quote(line)}")
    size = fields.get("size")
    if kind not in _BODIES:
        if size not in (None, 0):
            raise BrokenFrame(f"a {kind} frame carries no bytes: {_quote(line)}")
        return Header(type=kind, size=None, fields=fields, line_bytes=len(line))
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise BrokenFrame(f"a {kind} frame whose size is no count of bytes: {_quote(line)}")
    if size > _BODIES[kind]:
        raise BrokenFrame(f"a {kind} frame of {size} bytes; at most {_BODIES[kind]}")
    return Header(type=kind, size=size, fields=fields, line_bytes=len(line))


def _mended(escape: re.Match[bytes]) -> bytes:
    return escape["good"] or b"\\ufffd"


def _quote(data: bytes | bytearray) -> str:
    return repr(bytes(data[:_QUOTED_BYTES]))
