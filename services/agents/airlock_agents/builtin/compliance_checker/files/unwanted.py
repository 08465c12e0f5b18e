"""Files that nobody means to commit: environments, keys, databases, large binaries, half a merge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ...findings.severities import Severity
from ..facts import Breach, TextFile
from ..secret_names import holds_secret

_ENVIRONMENT = re.compile(r"(?is)\.env(\.[\w-]+)*|.+\.env|\.envrc")
_EXAMPLE = re.compile(r"(?i)(^|[._-])(example|sample|template|dist|defaults?|test|ci|schema)($|[._-])")
_KEY = re.compile(
    r"(?is)id_(rsa|dsa|ecdsa|ed25519)|.*\.(p12|pfx|jks|keystore|kdbx|ppk)|\.htpasswd|\.netrc|\.pgpass"
)
_TEXT_KEY = re.compile(r"(?is).*\.(pem|key|asc|der)")
_BEGIN_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_DATABASE = re.compile(r"(?is).*\.(sqlite3?|db3?|mdb|accdb|rdb|frm|ibd)")
_SQLITE = b"SQLite format 3\0"
_STARTS, _MIDDLE, _ENDS = "<<<<<<< ", "=======", ">>>>>>> "
_HEAD = 4096


def by_name(root: Path, path: str, *, max_mb: int) -> Iterator[Breach]:
    """Judge a file by its name, its size and its first bytes; it need not be text."""
    name = path.rpartition("/")[2]
    full = root / path
    if full.is_symlink() or not full.is_file():
        return
    size = full.stat().st_size
    with full.open("rb") as file:
        head = file.read(_HEAD)
    if _ENVIRONMENT.fullmatch(name) and not _EXAMPLE.search(name) and head.strip():
        severity: Severity | None = None if _sets_secret(head) else "MEDIUM"
        yield Breach("files.environment-file", 1, f"{name} is an environment file.", severity, secret=True)
    if _KEY.fullmatch(name):
        yield Breach(
            "files.private-key", 1, f"{name} is a key, a key store or a list of passwords.", secret=True
        )
    elif _TEXT_KEY.fullmatch(name) and _BEGIN_KEY.search(head):
        yield Breach("files.private-key", 1, f"{name} holds a private key.", secret=True)
    if head.startswith(_SQLITE) or (_DATABASE.fullmatch(name) and b"\0" in head):
        yield Breach("files.database", 1, f"{name} is a database of {_shown(size)}.")
    elif size > max_mb * 1024 * 1024 and b"\0" in head:
        yield Breach("files.large-binary", 1, f"{name} is a binary of {_shown(size)}.")


def conflict(file: TextFile) -> Iterator[Breach]:
    """Look for all three markers of a conflict, in their order, each at the start of a line."""
    start: int | None = None
    middle = False
    for number, line in enumerate(file.lines, start=1):
        if line.startswith(_STARTS):
            start, middle = number, False
        elif start is not None and line == _MIDDLE:
            middle = True
        elif start is not None and middle and line.startswith(_ENDS):
            yield Breach("files.merge-conflict", start, f"A conflict is unresolved up to line {number}.")
            start = None


def _sets_secret(head: bytes) -> bool:
    pairs = (line.partition("=") for line in head.decode("utf-8", "replace").splitlines())
    return any(holds_secret(name.removeprefix("export ").strip(), value) for name, _, value in pairs)


def _shown(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB" if size >= 1024 * 1024 else f"{max(1, size // 1024)} KiB"
