"""The data folder of an install on one machine: its lock, its version, its state, its secrets.

airlock.json    who runs it and where (while it runs); no secret
install         the install's id, made once
version         of the Airlock that wrote the folder last
keys/           admin.key, host.key            0600
secrets/        what processes read by file     0600
logs/           one JSON log per process
shipped.json    which workflows were shipped last, by the digests of their specs
postgres/ nats/ host/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex

from airlock_client.embedded.errors import FolderInUse, FolderRefused
from airlock_client.embedded.process import FolderLock
from airlock_client.embedded.server import write_private

AIRLOCK_VERSION = version("airlock")
_NUMBERS = re.compile(r"[0-9]+")
_MAX_STATE_BYTES = 64 * 1024


class AlreadyRunning(FolderInUse):
    """An install already runs on this data folder."""

    def __init__(self, state: State) -> None:
        super().__init__(f"Airlock {state.version} runs at {state.api_url} (process {state.pid})")
        self.state = state


class NewerFolder(FolderRefused):
    """The data folder was written by a newer Airlock; nothing in it was changed."""


@dataclass(frozen=True, slots=True)
class State:
    """What a running install says of itself."""

    version: str
    install: str
    pid: int
    """Of `airlock up`."""
    api_url: str
    started_at: str
    parts: Mapping[str, int]
    """Process ids by name."""


class DataFolder:
    """One install's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.lock = FolderLock(self.path)

    @property
    def admin_key(self) -> Path:
        """The first key, for the command line."""
        return self.path / "keys" / "admin.key"

    @property
    def host_key(self) -> Path:
        """The agent host's token."""
        return self.path / "keys" / "host.key"

    def log(self, name: str) -> Path:
        """Where a process logs."""
        return self.path / "logs" / f"{name}.log"

    def secret(self, name: str, text: str) -> Path:
        """Keep a secret in a file, for a process that reads it from there."""
        path = self.path / "secrets" / name
        write_private(path, text + "\n")
        return path

    def install_id(self) -> str | None:
        """The id of the install that this folder holds; None where it holds none."""
        if self.written_by() is None:
            return None
        try:
            return (self.path / "install").read_text()[:64].strip() or None
        except OSError:
            return None

    def claim(self) -> str:
        """Take the folder for this process; answers the install's id.

        Raises AlreadyRunning, NewerFolder, FolderInUse, FolderRefused; then nothing was changed.
        """
        self.check()
        if not self.path.exists():
            self.path.mkdir(parents=True, mode=0o711)
        try:
            self.lock.take(seconds=0.0, again=False)
        except FolderInUse as error:
            if (state := self.state()) is not None:
                raise AlreadyRunning(state) from error
            raise
        for name in ("keys", "secrets", "logs"):
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        write_private(self.path / "version", AIRLOCK_VERSION + "\n")
        if (known := self.install_id()) is not None:
            return known
        install = f"airlock-{token_hex(4)}"
        write_private(self.path / "install", install + "\n")
        return install

    def check(self) -> None:
        """Whether this Airlock may work on the folder. Raises NewerFolder, FolderRefused; changes nothing."""
        written = self.written_by()
        if written is not None and _order(written) > _order(AIRLOCK_VERSION):
            raise NewerFolder(
                f"{self.path} was written by Airlock {written}, this is {AIRLOCK_VERSION}: "
                "use that version or newer, or another folder with --data-dir"
            )
        if written is None and self.path.exists() and any(self.path.iterdir()):
            raise FolderRefused(
                f"{self.path} is not empty and not an Airlock data folder: choose another with --data-dir"
            )

    def state(self) -> State | None:
        """What runs on this folder; None when nothing does."""
        try:
            raw = (self.path / "airlock.json").read_bytes()[:_MAX_STATE_BYTES]
            state = State(**json.loads(raw))
        except (OSError, ValueError, TypeError):
            return None
        return state if self.lock.owner() == state.pid else None

    def publish(self, state: State) -> None:
        """Say who runs here and where."""
        write_private(self.path / "airlock.json", json.dumps(asdict(state), indent=2) + "\n")

    def release(self) -> None:
        """Nothing runs here any more."""
        (self.path / "airlock.json").unlink(missing_ok=True)
        self.lock.let_go()

    def written_by(self) -> str | None:
        """The version of the Airlock that wrote the folder last."""
        try:
            return (self.path / "version").read_text()[:64].strip()
        except OSError:
            return None


def _order(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in _NUMBERS.findall(text)[:3])
