"""The frames of airlock/1: one JSON header per line, followed by as many raw bytes as it says."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from airlock_sdk.failure import ProtocolError, text_of

PROTOCOL = "airlock/1"
MAX_HEADER = 64 * 1024  # bytes of a header line with its newline
_CHUNK = 1024 * 1024
_MAX_MESSAGE = 8 * 1024  # characters of a log or failure message


class FrameWriter:
    """Writes frames to the host, whole ones, from any thread.

    A frame that broke off cannot be taken back, and whatever follows would be read as the rest of it. So
    nothing follows: each later frame raises ProtocolError, which says what broke off and why.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._broken: str | None = None

    @property
    def broken(self) -> bool:
        """Whether a frame broke off, so that the host can be told nothing more."""
        return self._broken is not None

    def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        """Write a header and its body; a header too long loses its `fields` or `details`."""
        line = encode_header(header)
        with self._whole(header):
            self._put(line)
            self._put(body)
            self._out.flush()

    def send_streamed(self, header: Mapping[str, Any], size: int, write: Callable[[Counted], object]) -> None:
        """Write a header and a body that `write` makes; raises ProtocolError unless it has `size` bytes."""
        line = encode_header({**header, "size": size})
        with self._whole(header):
            self._put(line)
            body = Counted(self._put, size)
            write(body)
            if body.left:
                raise ProtocolError(f"a frame lacks {body.left} of its {size} bytes")
            self._out.flush()

    @contextmanager
    def _whole(self, header: Mapping[str, Any]) -> Iterator[None]:
        with self._lock:
            if self._broken is not None:
                raise ProtocolError(self._broken)
            try:
                yield
            except BaseException as error:
                why = f"{type(error).__name__}: {text_of(error, _MAX_MESSAGE)}"
                named = f"{header.get('type')} {header.get('name', '')}".strip()
                self._broken = f"nothing more can be said: the frame `{named}` broke off ({why})"
                raise

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._out.write(view) or 0 :]


class Counted:
    """A body in the making: it takes no byte more than its header said."""

    def __init__(self, put: Callable[[bytes], object], size: int) -> None:
        self._put = put
        self.left = size

    def write(self, data: bytes) -> int:
        """Write on; raises ProtocolError for a byte too many."""
        if len(data) > self.left:
            raise ProtocolError("a frame has more bytes than its header says")
        self.left -= len(data)
        self._put(data)
        return len(data)


class BoundedReader:
    """One body of a stream: gives its bytes and no more, and knows their digest once all were read."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self.left = size

    def read(self, size: int = -1, /) -> bytes:
        """Read at most that many bytes (-1: all that are left); raises ProtocolError if the stream ends."""
        wanted = self.left if size < 0 else min(size, self.left)
        if not wanted:
            return b""
        data = self._source.read(wanted)
        if not data:
            raise ProtocolError(f"the stream ends {self.left} bytes too early")
        self.left -= len(data)
        self._digest.update(data)
        return data

    def copy_to(self, out: Counted) -> None:
        """Write what is left to another body."""
        while part := self.read(_CHUNK):
            out.write(part)

    @staticmethod
    def digest_of(data: bytes) -> str:
        """Answer `sha256:<hex>` of bytes at hand."""
        return "sha256:" + hashlib.sha256(data).hexdigest()

    def digest(self) -> str:
        """Read what is left and answer `sha256:<hex>` of the whole body."""
        while self.read(_CHUNK):
            pass
        return "sha256:" + self._digest.hexdigest()


def encode_header(header: Mapping[str, Any]) -> bytes:
    """Spell a header line of at most 64 KiB; raises ProtocolError when even a cut one does not fit.

    `fields` and `details` are cut away where the line is too long with them, or they are no JSON.
    """
    try:
        line = _line(header)
    except Exception:  # a NaN, an integer of too many digits, whatever an author's __str__ raises
        line = b""
    if 0 < len(line) <= MAX_HEADER:
        return line
    cut = {key: value for key, value in header.items() if key not in ("fields", "details")}
    if isinstance(cut.get("message"), str):
        cut["message"] = cut["message"][:_MAX_MESSAGE]
    line = _line({**cut, "cut": True})
    if len(line) > MAX_HEADER:
        raise ProtocolError(f"a header may have {MAX_HEADER} bytes")
    return line


def _line(header: Mapping[str, Any]) -> bytes:
    # ASCII escapes: a lone surrogate (a file name that is no UTF-8) must not break the line.
    text = json.dumps(header, ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=str)
    return text.encode("ascii") + b"\n"


def read_header(source: BinaryIO) -> dict[str, Any] | None:
    """Read one header line; None when the stream ended before it. Raises ProtocolError for anything else."""
    line = source.readline(MAX_HEADER + 1)
    if not line:
        return None
    if not line.endswith(b"\n") or len(line) > MAX_HEADER:
        raise ProtocolError(f"a header is one line of at most {MAX_HEADER} bytes")
    try:
        header = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a header is a JSON object in UTF-8") from error
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise ProtocolError("a header is a JSON object with a type")
    return header


def body_size(header: Mapping[str, Any], most: int) -> int:
    """Answer how many bytes follow a header; raises ProtocolError for no integer or more than `most`."""
    size = header.get("size")
    if type(size) is not int or not 0 <= size <= most:
        raise ProtocolError(f"{header.get('type', 'a body')!s:.40} has a size between 0 and {most}")
    return size


def take_over() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout for frames: what else writes to stdout (print, child processes) goes to the log.

    Descriptor 1 becomes a second stderr and descriptor 0 an empty file. The real ones are not inherited by
    programs that are started, and are closed in children made by fork.
    """
    frames_in, frames_out = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)

    def forget() -> None:
        os.close(frames_in)
        os.close(frames_out)

    os.register_at_fork(after_in_child=forget)
    source = os.fdopen(frames_in, "rb", buffering=_CHUNK, closefd=False)
    return source, os.fdopen(frames_out, "wb", buffering=0, closefd=False)
