"""Who this host is: a name that its data folder keeps, and a boot that changes with each start."""

import fcntl
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from airlock_chassis.fatal import Fatal
from airlock_contracts.base import NAME_PATTERN

_MAX_NAME_BYTES = 256
_NAME = re.compile(NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class Identity:
    """One start of one host."""

    host: str
    boot: str
    install: str
    pool: str
    version: str


@contextmanager
def own_data_folder(folder: Path) -> Iterator[None]:
    """Make the data folder, 0700, and hold it: two hosts of one name would remove each other's sandboxes.

    Raises Fatal when it cannot be made or another process holds it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Fatal(f"the data folder {folder} cannot be used: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Fatal(f"another host runs on the data folder {folder}") from error
    try:
        yield
    finally:
        os.close(descriptor)


def kept_name(folder: Path, wanted: str | None) -> str:
    """The host's name: the one that is set, else the one that the folder keeps, else a new one. Blocks.

    A name that is set is kept too. Raises Fatal when the folder keeps something that is no name.
    """
    path = folder / "name"
    try:
        if wanted is None and path.exists():
            with path.open("rb") as file:
                wanted = file.read(_MAX_NAME_BYTES).decode("ascii", "replace").strip()
            if not _NAME.fullmatch(wanted):
                raise Fatal(f"{path} holds no host's name: {wanted!r}")
        name = wanted or made_up_name(socket.gethostname())
        path.write_text(f"{name}\n", encoding="ascii")
    except OSError as error:
        raise Fatal(f"the data folder {folder} cannot be used: {error}") from error
    return name


def made_up_name(hostname: str) -> str:
    """The machine's name as far as it may stand in subjects, and a random end: machines share names."""
    known = re.sub(r"[^a-z0-9-]+", "-", hostname.lower()).strip("-")[:48] or "host"
    return f"{known}-{secrets.token_hex(3)}"


def new_boot() -> str:
    """What tells this start of the process from all others."""
    return secrets.token_hex(6)
