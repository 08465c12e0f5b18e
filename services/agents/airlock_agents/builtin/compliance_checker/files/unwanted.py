"""Files that nobody means to commit: environments, keys, databases, large binaries, half a merge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ...findings.examples import is_example_host, is_example_value, looks_made
from ...findings.secret_kinds import is_placeholder
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

# One machine's login, as tools write it; a list with more passwords than such logins is not understood.
_NETRC = re.compile(
    r"\bmachine\s+(\S{1,255})\s+(?:login\s+\S{1,255}\s+)?(?:account\s+\S{1,255}\s+)?password\s+(\S{1,255})"
)
_NETRC_PASSWORD = re.compile(r"(?<!\S)password(?!\S)")


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
        what = f"{name} is a key, a key store or a list of passwords"
        sample = size <= _HEAD and _holds_examples(name, head)
        said = f"{what}, all of them an example's." if sample else f"{what}."
        yield Breach("files.private-key", 1, said, "LOW" if sample else None, secret=True)
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


def _holds_examples(name: str, content: bytes) -> bool:
    """Tell whether a list of logins (.netrc, .pgpass) has some, and nothing but what examples are made of."""
    text = content.decode("utf-8", "replace")
    if name == ".netrc":
        logins = [(found[1], found[2]) for found in _NETRC.finditer(text)]
        if len(logins) != len(_NETRC_PASSWORD.findall(text)):
            return False
    elif name == ".pgpass":
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        logins = [(parts[0], parts[4]) for line in lines if len(parts := line.split(":", 4)) == 5]
        if len(logins) != len(lines):
            return False
    else:
        return False
    return bool(logins) and all(_is_example(host, password) for host, password in logins)


def _is_example(host: str, password: str) -> bool:
    if is_placeholder(password) or is_example_value(password):
        return True
    return is_example_host(host) and not looks_made(password)


def _shown(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB" if size >= 1024 * 1024 else f"{max(1, size // 1024)} KiB"
