"""Headers of a POSIX tar (IEEE Std 1003.1, pax and ustar interchange format), read with suspicion.

Only what a workspace is made of: regular files and folders. The standard library's tarfile is not used:
its filters have been bypassed more than once (CVE-2025-4517), and it reads extended headers of any size
into memory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

from airlock_sdk.failure import WorkspaceError

BLOCK = 512
END = bytes(2 * BLOCK)
FILE, FOLDER = "file", "folder"

MAX_PATH = 1024  # bytes of a path; far below PATH_MAX, so that any folder can stand before it
MAX_NAME = 255  # bytes of one name: what ext4, xfs and tmpfs allow
MAX_DEPTH = 64  # folders within folders
_MAX_EXTENDED = 64 * 1024  # bytes of one extended header; a path needs 1 KiB
_MAX_EXTENDED_RUN = 8  # extended headers in front of one entry

_REFUSED = {
    b"1": "hard links are not allowed",
    b"2": "symbolic links are not allowed",
    b"3": "character devices are not allowed",
    b"4": "block devices are not allowed",
    b"6": "named pipes are not allowed",
    b"7": "contiguous files are not allowed",
    b"S": "sparse files are not allowed",
    b"K": "long link names are not allowed",
}


class Source(Protocol):
    """Anything bytes are read from: `read(n)` answers at most n bytes, and none at the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder as its header describes it."""

    path: str  # relative, no empty, `.` or `..` part; `.` alone is the root folder
    kind: str  # FILE or FOLDER
    size: int  # bytes of content; 0 for a folder
    executable: bool


def padding(size: int) -> int:
    """Count the zero bytes that follow a content of that size."""
    return -size % BLOCK


def check_path(raw: bytes) -> str:
    """Answer the relative path as text; raises WorkspaceError if it leads elsewhere or is too long."""
    shown = os.fsdecode(raw)
    if not raw or b"\0" in raw:
        raise WorkspaceError(shown, "an empty path, or one with a zero byte")
    if raw.startswith(b"/"):
        raise WorkspaceError(shown, "absolute paths are not allowed")
    if len(raw) > MAX_PATH:
        raise WorkspaceError(shown, f"a path may have {MAX_PATH} bytes")
    parts = raw.split(b"/")
    while len(parts) > 1 and parts[0] == b".":  # `tar -c .` writes ./name
        parts = parts[1:]
    if len(parts) > 1 and parts[-1] == b"":  # folders end with a slash
        parts = parts[:-1]
    if parts in ([b"."], [b""]):
        return "."
    for part in parts:
        if part in (b"", b".", b".."):
            raise WorkspaceError(shown, "empty, '.' or '..' parts are not allowed in a path")
        if len(part) > MAX_NAME:
            raise WorkspaceError(shown, f"a name may have {MAX_NAME} bytes")
    if len(parts) > MAX_DEPTH:
        raise WorkspaceError(shown, f"a path may be {MAX_DEPTH} folders deep")
    return os.fsdecode(b"/".join(parts))


def encode(entry: Entry) -> bytes:
    """Spell the header blocks of an entry; the same entry always gives the same bytes."""
    name = os.fsencode(entry.path) + (b"/" if entry.kind == FOLDER else b"")
    if len(name) <= 100:
        return _block(name, entry)
    record = _pax_record(b"path", name)
    extended = Entry(path="././@PaxHeader", kind=FILE, size=len(record), executable=False)
    head = _block(b"././@PaxHeader", extended, b"x")
    return head + record + bytes(padding(len(record))) + _block(name[:100], entry)


def next_entry(source: Source) -> Entry | None:
    """Read the next header; None at the end mark. Raises WorkspaceError for all but a file or folder."""
    path: bytes | None = None
    size: int | None = None
    for _ in range(_MAX_EXTENDED_RUN):
        block = read_exactly(source, BLOCK)
        if block == bytes(BLOCK):
            return None
        name, kind, length, mode = _decode(block)
        if kind in (b"x", b"g", b"L"):
            if length > _MAX_EXTENDED:
                raise WorkspaceError(os.fsdecode(name), "an extended header is too large")
            body = read_exactly(source, length)
            read_exactly(source, padding(length))
            if kind == b"L":
                path = body.rstrip(b"\0")
            else:
                path, size = _pax(body, kind, path, size)
            continue
        raw = name if path is None else path
        if kind in _REFUSED:
            raise WorkspaceError(os.fsdecode(raw), _REFUSED[kind])
        if kind not in (b"0", b"\0", b"5"):
            raise WorkspaceError(os.fsdecode(raw), f"entries of type {kind!r} are not allowed")
        # Old archives mark a folder by its slash alone.
        folder = kind == b"5" or raw.endswith(b"/")
        length = length if size is None else size
        if folder and length:
            raise WorkspaceError(os.fsdecode(raw), "a folder has no content")
        checked = check_path(raw)
        if checked == "." and not folder:
            raise WorkspaceError(".", "the root is a folder")
        return Entry(checked, FOLDER if folder else FILE, length, bool(mode & 0o100))
    raise WorkspaceError("", "too many extended headers in a row")


def read_exactly(source: Source, size: int) -> bytes:
    """Read that many bytes, or raise WorkspaceError because the archive ends before."""
    data = source.read(size) if size else b""
    while len(data) < size:
        more = source.read(size - len(data))
        if not more:
            raise WorkspaceError("", "the archive ends in the middle of an entry, or has no end mark")
        data += more
    return data


def _block(name: bytes, entry: Entry, kind: bytes | None = None) -> bytes:
    folder = entry.kind == FOLDER
    mode = b"0000755\0" if folder or entry.executable else b"0000644\0"
    zero = b"0000000\0"
    head = b"".join(
        (
            name.ljust(100, b"\0"),
            mode,
            zero,  # uid
            zero,  # gid
            b"%011o\0" % entry.size,
            b"00000000000\0",  # mtime
            b"        ",  # the checksum counts itself as spaces
            kind or (b"5" if folder else b"0"),
            bytes(100),
            b"ustar\x0000",
            bytes(64),  # owner and group names
            zero,
            zero,
            bytes(155 + 12),
        )
    )
    return head[:148] + b"%06o\0 " % sum(head) + head[156:]


def _pax_record(key: bytes, value: bytes) -> bytes:
    body = b" " + key + b"=" + value + b"\n"
    length = len(body)
    while length != len(body) + len(str(length)):
        length = len(body) + len(str(length))
    return str(length).encode() + body


def _decode(block: bytes) -> tuple[bytes, bytes, int, int]:
    name = block[:100].split(b"\0", 1)[0]
    if not block.startswith(b"ustar", 257):
        raise WorkspaceError(os.fsdecode(name), "not a POSIX tar header")
    counted = sum(block) - sum(block[148:156]) + 8 * 0x20
    if _octal(block[148:156], name) != counted:
        raise WorkspaceError(os.fsdecode(name), "the header's checksum is wrong")
    # GNU's own format keeps other things where POSIX has the prefix.
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    path = prefix + b"/" + name if prefix else name
    return path, block[156:157], _octal(block[124:136], name), _octal(block[100:108], name)


def _octal(field: bytes, name: bytes) -> int:
    digits = field.strip(b"\0 ")
    if not digits:
        return 0
    if not all(0x30 <= digit <= 0x37 for digit in digits):
        raise WorkspaceError(os.fsdecode(name), "a number in the header is not octal (or beyond 8 GiB)")
    return int(digits, 8)


def _pax(body: bytes, kind: bytes, path: bytes | None, size: int | None) -> tuple[bytes | None, int | None]:
    while body:
        number, space, _ = body.partition(b" ")
        if not space or not number.isdigit() or len(number) > 6:
            raise WorkspaceError("", "an extended header cannot be read")
        length = int(number)
        record, body = body[len(number) + 1 : length], body[length:]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise WorkspaceError("", "an extended header cannot be read")
        value = value[:-1]
        if key.startswith(b"GNU.sparse"):
            raise WorkspaceError("", _REFUSED[b"S"])
        if key in (b"path", b"size") and kind == b"g":
            raise WorkspaceError("", "a global header may not name a path or a size")
        if key == b"path":
            path = value
        elif key == b"size":
            if not value.isdigit() or len(value) > 12:
                raise WorkspaceError("", "a size in an extended header cannot be read")
            size = int(value)
    return path, size
